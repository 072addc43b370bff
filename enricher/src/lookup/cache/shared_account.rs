//! The fleet's entry about its account at the provider.

use std::sync::Arc;
use std::time::Duration;

use protocol::Timestamp;
use protocol::status::Account;
use service::bucket::BucketError;
use service::clock;

use super::shared::{CONFLICTS, SharedCache};
use crate::lookup::admission::account::{AccountEntry, KeyTag};
use crate::lookup::admission::ruling::{RefusedCall, Ruling};

/// The key of the entry.
pub const ACCOUNT: &str = "account";

/// How long the entry is kept without another write.
const TTL: Duration = Duration::from_hours(24);

/// Which enricher makes a probe.
#[derive(Debug)]
pub enum Probe {
    /// This enricher makes it; the entry says so.
    Ours(AccountEntry),
    /// Another enricher makes it, or it is not due.
    Theirs(AccountEntry),
    /// There is no need for one: the account is accepted.
    NotNeeded,
}

impl SharedCache {
    /// What the fleet knows about its account.
    ///
    /// # Errors
    /// Fails if the bucket cannot be read.
    pub async fn account(&self) -> Result<Option<AccountEntry>, BucketError> {
        Ok(self.standing(ACCOUNT).await?.0)
    }

    /// Claims the one probe per `retry` that the fleet makes while its account is not accepted. `untried`: this enricher has
    /// not probed with this key before.
    ///
    /// # Errors
    /// Fails if it is not certain which enricher makes it.
    pub async fn claim_probe(
        &self,
        key: &KeyTag,
        untried: bool,
        retry: Duration,
    ) -> Result<Probe, BucketError> {
        for _ in 0..CONFLICTS {
            let (entry, sequence) = self.standing::<AccountEntry>(ACCOUNT).await?;
            let Some(entry) = entry.filter(|entry| entry.state != Account::Ok) else {
                return Ok(Probe::NotNeeded);
            };
            let Some(ours) = entry.probe(key, untried, self.instance(), clock::now(), retry) else {
                return Ok(Probe::Theirs(entry));
            };
            if self.write(ACCOUNT, &ours, TTL, Some(sequence)).await?.is_some() {
                return Ok(Probe::Ours(ours));
            }
        }
        Err(BucketError::Contended(CONFLICTS))
    }

    /// A call was refused. Tells the fleet, and returns whether that concerns the account.
    ///
    /// # Errors
    /// Fails if the bucket cannot be read or does not acknowledge.
    pub async fn refused(&self, call: &RefusedCall) -> Result<Ruling, BucketError> {
        for _ in 0..CONFLICTS {
            let (before, sequence) = self.standing::<AccountEntry>(ACCOUNT).await?;
            let ruling = call.ruling(before.as_ref());
            let Some(entry) = ruling.entry() else {
                return Ok(ruling);
            };
            if self.write(ACCOUNT, entry, TTL, Some(sequence)).await?.is_some() {
                return Ok(ruling);
            }
        }
        Err(BucketError::Contended(CONFLICTS))
    }

    /// A probe with this key was accepted: all enrichers may make calls.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn account_accepted(&self, key: &KeyTag) -> Result<(), BucketError> {
        let entry = AccountEntry {
            state: Account::Ok,
            status: 0,
            since: clock::now(),
            retry_at: Timestamp::from_unix_ms(0),
            key: key.clone(),
            by: Arc::clone(self.instance()),
            address_refusal: None,
        };
        self.write(ACCOUNT, &entry, TTL, None).await.map(drop)
    }

    /// Writes the entry again if the bucket may have lost it.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn put_back_account(&self, entry: &AccountEntry) -> Result<(), BucketError> {
        self.write(ACCOUNT, entry, TTL, Some(0)).await.map(drop)
    }
}
