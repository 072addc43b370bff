//! Leases: who looks an address up.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Timestamp, time};
use service::bucket::BucketError;
use service::clock;
use tokio::time::sleep;

use crate::address_key::Key;
use crate::lookup::cache::deferral::Deferral;
use crate::lookup::cache::entry::{CachedVerdict, Entry};
use crate::lookup::cache::holders::Holder;
use crate::lookup::cache::shared::{CONFLICTS, SharedCache};

/// How long after its last renewal a lease expires. It outlasts a disconnection of ten seconds with the reconnection, so
/// that nobody else pays for the same call. The lease of a process that was killed is taken over sooner, unless its host
/// failed as well.
const LEASE_TTL: Duration = Duration::from_secs(15);

/// How often a lease is renewed.
const LEASE_RENEWAL: Duration = Duration::from_secs(2);

/// The pause after a renewal that failed.
const RENEWAL_PAUSE: Duration = Duration::from_millis(200);

/// The result of an attempt to take a lease.
pub enum Claim {
    /// There already is a verdict.
    Verdict(Arc<CachedVerdict>),
    /// Another enricher is looking the address up.
    Theirs(Holder),
    /// Its answers are unusable, and it is not time to ask again.
    Deferred(Deferral),
    /// We are.
    Ours(Lease),
}

/// The exclusive right to look an address up, until it expires or its holder has exited.
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

impl SharedCache {
    /// Takes the lease on an address, unless there is a verdict, another enricher has it, or it is too early to ask again.
    /// `early`: another address has just had a usable answer. `exited`: a holder of the lease that has exited. Only one
    /// lookup of an address may run in this enricher.
    ///
    /// # Errors
    /// Fails if it is not certain which enricher has it.
    pub async fn claim(&self, key: Key, early: bool, exited: Option<&Holder>) -> Result<Claim, BucketError> {
        let epoch = self.claim_gate().epoch().ok_or(BucketError::Disconnected)?;
        let claim = self.claim_now(key, early, exited).await?;
        if self.claim_gate().epoch() == Some(epoch) && self.bucket.nats().epoch() == Some(epoch) {
            return Ok(claim);
        }
        // It may be another bucket by now, which lacks what the others know.
        if let Claim::Ours(lease) = claim {
            self.release(lease).await?;
        }
        Err(BucketError::Disconnected)
    }

    async fn claim_now(&self, key: Key, early: bool, exited: Option<&Holder>) -> Result<Claim, BucketError> {
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
                (
                    Some(Entry::Lease {
                        by,
                        since,
                        inbox,
                        deferral,
                    }),
                    sequence,
                ) => {
                    let holder = Holder { by, since, inbox };
                    // An expired entry is kept if it holds a deferral, because failures are remembered for longer.
                    let is_expired = deferral.is_some() && (now - since).abs() > time::millis(LEASE_TTL);
                    // One lookup runs per address, so its own lease was left behind: an acknowledgement was lost.
                    let is_own = holder.by == *self.instance();
                    if !is_expired && !is_own && exited != Some(&holder) {
                        return Ok(Claim::Theirs(holder));
                    }
                    (sequence, deferral)
                }
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

    /// Renews the lease repeatedly, and at once after a reconnection. Returns only when another enricher has replaced it, for
    /// example because this process was frozen.
    pub async fn keep(&self, lease: &mut Lease) {
        let nats = self.bucket.nats();
        let (mut epoch, mut pause) = (nats.connected().await, LEASE_RENEWAL);
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = nats.lost(epoch) => epoch = nats.connected().await,
            }
            match self.renew(lease).await {
                Ok(true) => pause = LEASE_RENEWAL,
                Ok(false) => return,
                Err(error) => {
                    tracing::debug!(%error, "a lease was not renewed");
                    pause = RENEWAL_PAUSE;
                }
            }
        }
    }

    /// Renews the lease, or puts it back if the bucket was lost or it has expired. Returns whether it is still ours.
    async fn renew(&self, lease: &mut Lease) -> Result<bool, BucketError> {
        let name = lease.key.text();
        for _ in 0..CONFLICTS {
            let (entry, ttl) = self.lease_entry(lease.before, clock::now());
            if let Some(sequence) = self.write(&name, &entry, ttl, Some(lease.sequence)).await? {
                lease.sequence = sequence;
                return Ok(true);
            }
            lease.sequence = match self.standing(&name).await? {
                (None, sequence) => sequence,
                // A renewal whose acknowledgement was lost.
                (Some(Entry::Lease { by, .. }), sequence) if by == *self.instance() => sequence,
                (Some(_), _) => return Ok(false),
            };
        }
        Err(BucketError::Contended(CONFLICTS))
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

    /// A lease that begins or is renewed now, and how long its entry is kept. It contains the deferral that applies if its
    /// enricher is killed.
    fn lease_entry(&self, before: Option<Deferral>, now: Timestamp) -> (Entry, Duration) {
        let deferral = before.map(|before| before.unrecorded(now));
        let entry = Entry::Lease {
            by: Arc::clone(self.instance()),
            since: now,
            inbox: Some(Arc::clone(self.holders().own_inbox())),
            deferral,
        };
        (
            entry,
            deferral.map_or(LEASE_TTL, |deferral| deferral.remaining(now)),
        )
    }
}
