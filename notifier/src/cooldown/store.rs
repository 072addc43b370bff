//! Writes claims to the bucket `visitor_notified`. Every write expects the current entry, so that one notifier wins.

use std::time::Duration;

use protocol::stream::NOTIFIED;
use serde::de::DeserializeOwned;
use service::bucket::{Bucket, BucketError};
use service::{Nats, clock};

use super::claim::{Claim, CompanyKey};

/// How often a write of a claim is retried after conflicts with other notifiers.
const CONFLICTS: usize = 16;

/// The result of an attempt to claim a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The arrival must be announced.
    Ours(u64),
    /// Another arrival of the company is waiting, or was announced recently.
    Theirs(Box<Claim>, u64),
}

/// The bucket. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    bucket: Bucket,
    cooldown: Duration,
}

impl Store {
    /// The bucket of notifiers that announce each company once per `cooldown`.
    #[must_use]
    pub fn new(nats: Nats, cooldown: Duration) -> Self {
        Self {
            bucket: Bucket::new(nats, NOTIFIED),
            cooldown,
        }
    }

    /// Claims a company for an arrival, unless an existing claim covers it.
    ///
    /// # Errors
    /// Fails if it is not certain which notifier has the claim.
    pub async fn claim(&self, key: &CompanyKey, claim: &Claim) -> Result<Claimed, BucketError> {
        let seen_at = claim
            .waiting()
            .map_or(claim.claimed_at, |arrival| arrival.seen_at);
        let mut expected = 0;
        for _ in 0..CONFLICTS {
            if let Some(sequence) = self.write(key, claim, expected).await? {
                return Ok(Claimed::Ours(sequence));
            }
            expected = match self.read_entry(key).await? {
                // An earlier attempt of ours was written although it seemed to fail.
                (Some(stored), sequence) if stored.id == claim.id && stored.waiting().is_some() => {
                    return Ok(Claimed::Ours(sequence));
                }
                (Some(stored), sequence) if stored.covers(seen_at, self.cooldown) => {
                    return Ok(Claimed::Theirs(Box::new(stored), sequence));
                }
                // Its cool-down is over, or it is the marker of a deleted claim.
                (_, sequence) => sequence,
            };
        }
        Err(BucketError::Contended(CONFLICTS))
    }

    /// Records the state of a claim. A different claim in its place is left unchanged.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn note(
        &self,
        key: &CompanyKey,
        claim: &Claim,
        mut expected: u64,
    ) -> Result<Option<u64>, BucketError> {
        for _ in 0..CONFLICTS {
            if let Some(sequence) = self.write(key, claim, expected).await? {
                return Ok(Some(sequence));
            }
            expected = match self.read_entry(key).await? {
                (Some(stored), sequence) if stored.id == claim.id && stored.waiting().is_some() => sequence,
                // Another notifier has put back an older claim into a bucket that was lost.
                (Some(stored), sequence) if stored.claimed_at < claim.claimed_at => sequence,
                (Some(_), _) => return Ok(None),
                (None, sequence) => sequence,
            };
        }
        Err(BucketError::Contended(CONFLICTS))
    }

    /// Removes a claim whose arrival is given up or must not be announced. A different claim in its place stays.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn remove(&self, key: &CompanyKey, expected: u64) -> Result<(), BucketError> {
        self.bucket.delete(key.as_str(), expected).await
    }

    /// Writes a claim if the entry has the expected sequence; `None` if it has not. Nothing is written of a claim
    /// that is over.
    async fn write(
        &self,
        key: &CompanyKey,
        claim: &Claim,
        expected: u64,
    ) -> Result<Option<u64>, BucketError> {
        let Some(ttl) = claim.ttl(clock::now(), self.cooldown) else {
            return Ok(Some(expected));
        };
        self.bucket.write(key.as_str(), claim, ttl, Some(expected)).await
    }

    async fn read_entry(&self, key: &CompanyKey) -> Result<(Option<Claim>, u64), BucketError> {
        read_entry(&self.bucket, key.as_str()).await
    }
}

/// The value of a key, if it has one, and the sequence of its entry; 0 if there is none.
pub(super) async fn read_entry<T: DeserializeOwned>(
    bucket: &Bucket,
    name: &str,
) -> Result<(Option<T>, u64), BucketError> {
    let (value, sequence) = bucket.read(name).await?;
    // An entry that cannot be parsed comes from another release, and is overwritten.
    let value = value.and_then(|value| serde_json::from_slice(&value).ok());
    Ok((value, sequence))
}
