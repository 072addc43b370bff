//! The bucket `visitor_profiles`: shares verdicts, the bill and pauses among all enrichers.

use std::sync::Arc;
use std::time::Duration;

use protocol::stream::PROFILES;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::bucket::{Bucket, BucketError};
use service::{Nats, clock};
use tokio::sync::Semaphore;

use crate::address_key::Key;
use crate::filter::rules::Rules;
use crate::lookup::cache::claim_gate::ClaimGate;
use crate::lookup::cache::deferral::Deferral;
use crate::lookup::cache::entry::{CachedVerdict, Entry, Pause};
use crate::lookup::cache::holders::Holders;

/// How many verdicts are corrected at once.
const CORRECTIONS: usize = 64;

/// How often a write of an entry is retried after conflicts with other enrichers.
pub const CONFLICTS: usize = 32;

/// The key of the pause that the Deanonymizer has asked for.
pub const PAUSE: &str = "pause";

/// The bucket. Clones share it.
#[derive(Clone)]
pub struct SharedCache {
    pub(super) bucket: Bucket,
    claim_gate: ClaimGate,
    holders: Holders,
    instance: Arc<str>,
    rules: Arc<Rules>,
    /// Corrections under way.
    corrections: Arc<Semaphore>,
}

impl SharedCache {
    /// The bucket for the enricher with that name, which filters by these rules.
    ///
    /// # Errors
    /// Fails if the client is closed.
    pub async fn new(nats: Nats, instance: &str, rules: Arc<Rules>) -> anyhow::Result<Self> {
        let claim_gate = ClaimGate::new();
        Ok(Self {
            holders: Holders::start(&nats, instance, claim_gate.clone()).await?,
            bucket: Bucket::new(nats, PROFILES),
            claim_gate,
            instance: instance.into(),
            rules,
            corrections: Arc::new(Semaphore::new(CORRECTIONS)),
        })
    }

    /// The name under which this enricher writes.
    pub fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    /// Whether leases may be taken.
    pub fn claim_gate(&self) -> &ClaimGate {
        &self.claim_gate
    }

    /// The other enrichers that may hold leases.
    pub fn holders(&self) -> &Holders {
        &self.holders
    }

    /// The value of a key.
    ///
    /// # Errors
    /// Fails if the bucket cannot be read.
    pub async fn read(&self, key: Key) -> Result<Option<Entry>, BucketError> {
        Ok(match self.standing(&key.text()).await? {
            (Some(Entry::Verdict(found)), sequence) => Some(Entry::Verdict(self.admit(key, found, sequence))),
            (entry, _) => entry,
        })
    }

    /// Filters a verdict from the bucket again, because an enricher with other rules may have stored it. If it contains
    /// something that must not be shown, the bucket is corrected as well.
    pub fn admit(&self, key: Key, found: Arc<CachedVerdict>, sequence: u64) -> Arc<CachedVerdict> {
        let Some(verdict) = self.rules.recheck(&found.verdict) else {
            return found;
        };
        let corrected = Arc::new(CachedVerdict {
            verdict,
            ..CachedVerdict::clone(&found)
        });
        let (shared_cache, found) = (self.clone(), Arc::clone(&corrected));
        tokio::spawn(async move {
            let _turn = shared_cache.corrections.acquire().await;
            // An entry that has replaced it meanwhile is checked when its update arrives.
            if let Err(error) = shared_cache.put(key, found, Some(sequence)).await {
                tracing::warn!(%error, "cannot correct a cached verdict; it is corrected the next time it is read");
            }
        });
        corrected
    }

    /// Writes a deferral again that the bucket may have lost.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn put_back_deferral(&self, key: Key, deferral: Deferral) -> Result<(), BucketError> {
        self.write_deferral(key, deferral, 0).await
    }

    pub(super) async fn write_deferral(
        &self,
        key: Key,
        deferral: Deferral,
        expected: u64,
    ) -> Result<(), BucketError> {
        let now = clock::now();
        let entry = Entry::Deferred {
            by: Arc::clone(&self.instance),
            at: now,
            deferral,
        };
        // An entry that has replaced the lease meanwhile takes precedence.
        self.write(&key.text(), &entry, deferral.remaining(now), Some(expected))
            .await
            .map(drop)
    }

    /// Stores a verdict, whatever its key holds: nothing, a lease, the marker of an expired entry, or an older verdict. A
    /// stored verdict that is as new or newer stays, and an expired verdict is not stored.
    ///
    /// `expected` is the most likely sequence of the entry; 0 for none.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn store(
        &self,
        key: Key,
        found: &Arc<CachedVerdict>,
        mut expected: u64,
    ) -> Result<(), BucketError> {
        for _ in 0..CONFLICTS {
            if self.put(key, Arc::clone(found), Some(expected)).await? {
                return Ok(());
            }
            expected = match self.standing(&key.text()).await? {
                (Some(Entry::Verdict(stored)), _) if !found.replaces(&stored) => return Ok(()),
                (_, sequence) => sequence,
            };
        }
        Err(BucketError::Contended(CONFLICTS))
    }

    /// Pauses the calls of all enrichers for this long. A pause that ends later stays.
    ///
    /// # Errors
    /// Fails if the bucket cannot be read or does not acknowledge.
    pub async fn pause(&self, wait: Duration) -> Result<(), BucketError> {
        let until = clock::now() + wait;
        let later = |stored: Option<&Pause>| {
            let ends_earlier = stored.is_none_or(|stored| stored.until < until);
            ends_earlier.then_some(Pause { until })
        };
        self.update(PAUSE, wait, later).await
    }

    /// Replaces the value of a key with the result of `next`, unless that is `None`. Starts over if another enricher writes
    /// in between.
    pub(super) async fn update<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        ttl: Duration,
        next: impl Fn(Option<&T>) -> Option<T>,
    ) -> Result<(), BucketError> {
        for _ in 0..CONFLICTS {
            let (stored, sequence) = self.standing(name).await?;
            let Some(value) = next(stored.as_ref()) else {
                return Ok(());
            };
            if self.write(name, &value, ttl, Some(sequence)).await?.is_some() {
                return Ok(());
            }
        }
        Err(BucketError::Contended(CONFLICTS))
    }

    /// Whether nothing is left to do: the verdict is written, or has expired.
    async fn put(
        &self,
        key: Key,
        found: Arc<CachedVerdict>,
        expected: Option<u64>,
    ) -> Result<bool, BucketError> {
        let Some(ttl) = found.remaining(clock::now()) else {
            return Ok(true);
        };
        let written = self
            .write(&key.text(), &Entry::Verdict(found), ttl, expected)
            .await?;
        Ok(written.is_some())
    }

    pub(super) async fn write(
        &self,
        name: &str,
        value: &impl Serialize,
        ttl: Duration,
        expected: Option<u64>,
    ) -> Result<Option<u64>, BucketError> {
        self.bucket.write(name, value, ttl, expected).await
    }

    /// The value of a key, if it has one, and the sequence of its entry; 0 if there is none.
    pub(super) async fn standing<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<(Option<T>, u64), BucketError> {
        let (value, sequence) = self.bucket.read(name).await?;
        let value = value.map(|value| serde_json::from_slice(&value)).transpose()?;
        Ok((value, sequence))
    }
}
