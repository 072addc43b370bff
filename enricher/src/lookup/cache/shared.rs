//! The bucket `visitor_profiles`: shares verdicts, leases, the bill and pauses among all enrichers.

use std::sync::Arc;
use std::time::Duration;

use protocol::stream::PROFILES;
use protocol::{Timestamp, time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::bucket::{Bucket, BucketError};
use service::{Nats, clock};
use tokio::sync::Semaphore;

use crate::address_key::Key;
use crate::filter::rules::Rules;
use crate::lookup::cache::deferral::Deferral;
use crate::lookup::cache::entry::{CachedVerdict, Entry, Pause};

/// How long after its last renewal a lease expires. A process that crashes delays an address by no more than this.
pub const LEASE_TTL: Duration = Duration::from_secs(4);

/// How many verdicts are corrected at once.
const CORRECTIONS: usize = 64;

/// How often a write of an entry is retried after conflicts with other enrichers.
pub const CONFLICTS: usize = 32;

/// The key of the pause that the Deanonymizer has asked for.
pub const PAUSE: &str = "pause";

/// The result of an attempt to take a lease.
pub enum Claim {
    /// There already is a verdict.
    Verdict(Arc<CachedVerdict>),
    /// Another enricher is looking the address up.
    Theirs,
    /// Its answers are unusable, and it is not time to ask again.
    Deferred(Deferral),
    /// We are.
    Ours(Lease),
}

/// The exclusive right to look an address up.
pub struct Lease {
    key: Key,
    sequence: u64,
    /// The unusable answers for the address so far.
    pub before: Option<Deferral>,
}

impl Lease {
    /// The sequence of its entry in the bucket, as far as is known.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

/// The bucket. Clones share it.
#[derive(Clone)]
pub struct SharedCache {
    bucket: Bucket,
    instance: Arc<str>,
    rules: Arc<Rules>,
    /// Corrections under way.
    corrections: Arc<Semaphore>,
}

impl SharedCache {
    /// The bucket for the enricher with that name, which filters by these rules.
    pub fn new(nats: Nats, instance: &str, rules: Arc<Rules>) -> Self {
        Self {
            bucket: Bucket::new(nats, PROFILES),
            instance: instance.into(),
            rules,
            corrections: Arc::new(Semaphore::new(CORRECTIONS)),
        }
    }

    /// The name under which this enricher writes.
    pub fn instance(&self) -> &Arc<str> {
        &self.instance
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

    /// Takes the lease on an address, unless there is a verdict, another enricher has it, or it is too early to ask again.
    /// `early`: another address has just had a usable answer.
    ///
    /// # Errors
    /// Fails if it is not certain which enricher has it.
    pub async fn claim(&self, key: Key, early: bool) -> Result<Claim, BucketError> {
        let name = key.text();
        let (mut expected, mut before) = (0, None::<Deferral>);
        for _ in 0..CONFLICTS {
            let now = clock::now();
            let (entry, ttl) = self.lease_entry(before, now);
            if let Some(sequence) = self.write(&name, &entry, ttl, Some(expected)).await? {
                return Ok(Claim::Ours(Lease {
                    key,
                    sequence,
                    before,
                }));
            }
            (expected, before) = match self.standing(&name).await? {
                (Some(Entry::Verdict(found)), sequence) => {
                    return Ok(Claim::Verdict(self.admit(key, found, sequence)));
                }
                // The entry of an expired lease, which is kept because failures are remembered for longer.
                (Some(Entry::Lease { since, deferral, .. }), sequence)
                    if deferral.is_some() && (now - since).abs() > time::millis(LEASE_TTL) =>
                {
                    (sequence, deferral)
                }
                (Some(Entry::Lease { .. }), _) => return Ok(Claim::Theirs),
                (Some(Entry::Deferred { deferral, .. }), sequence) => (sequence, Some(deferral)),
                // No entry, or the marker of a deleted one.
                (None, sequence) => (sequence, None),
            };
            if let Some(deferral) = before {
                if !deferral.allows(now, early) {
                    return Ok(Claim::Deferred(deferral));
                }
                before = Some(deferral.spend_early_retry(now));
            }
        }
        Err(BucketError::Contended(CONFLICTS))
    }

    /// Renews the lease repeatedly. Returns only when it is lost, for example because this process was frozen.
    pub async fn keep(&self, lease: &mut Lease) {
        loop {
            tokio::time::sleep(LEASE_TTL / 3).await;
            let (entry, ttl) = self.lease_entry(lease.before, clock::now());
            match self
                .write(&lease.key.text(), &entry, ttl, Some(lease.sequence))
                .await
            {
                Ok(Some(sequence)) => lease.sequence = sequence,
                Ok(None) => return,
                Err(error) => tracing::debug!(%error, "a lease was not renewed"),
            }
        }
    }

    /// Releases the lease without a verdict. Earlier unusable answers stay recorded.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge; the lease then expires.
    pub async fn release(&self, lease: Lease) -> Result<(), BucketError> {
        if let Some(before) = lease.before {
            return self.defer(lease, before).await;
        }
        // If this fails to delete it, another enricher already holds the lease, or there is a verdict.
        self.bucket.delete(&lease.key.text(), lease.sequence).await
    }

    /// Releases the lease and tells the fleet when the address may be looked up again.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn defer(&self, lease: Lease, deferral: Deferral) -> Result<(), BucketError> {
        self.write_deferral(lease.key, deferral, lease.sequence).await
    }

    /// Writes a deferral again that the bucket may have lost.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn put_back_deferral(&self, key: Key, deferral: Deferral) -> Result<(), BucketError> {
        self.write_deferral(key, deferral, 0).await
    }

    async fn write_deferral(&self, key: Key, deferral: Deferral, expected: u64) -> Result<(), BucketError> {
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

    /// A lease that begins or is renewed now, and how long its entry is kept. It contains the deferral that applies if its
    /// enricher is killed.
    fn lease_entry(&self, before: Option<Deferral>, now: Timestamp) -> (Entry, Duration) {
        let deferral = before.map(|before| before.unrecorded(now));
        let entry = Entry::Lease {
            by: Arc::clone(&self.instance),
            since: now,
            deferral,
        };
        (
            entry,
            deferral.map_or(LEASE_TTL, |deferral| deferral.remaining(now)),
        )
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
