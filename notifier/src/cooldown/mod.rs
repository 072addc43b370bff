//! The cool-down: once a company is claimed, no other notifier announces it. Pure, except for `store` and `lease`.
//!
//! This copy of the bucket `visitor_notified` is kept up to date by watching the bucket, and restores it after a loss.

pub mod claim;
pub mod lease;
pub mod store;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use protocol::{Guid, Timestamp};

use self::claim::{Claim, CompanyKey};

/// A claim as it is in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClaim {
    /// The claim.
    pub claim: Claim,
    /// Its sequence in the bucket; 0 if the bucket has been lost since.
    pub sequence: u64,
}

/// This notifier's copy of all claims.
#[derive(Debug)]
pub struct Claims {
    cooldown: Duration,
    stored: HashMap<CompanyKey, StoredClaim>,
    /// The waiting claims, the oldest first.
    waiting: BTreeSet<(Timestamp, CompanyKey)>,
    /// The claim of each session.
    of_session: HashMap<Guid, CompanyKey>,
}

impl Claims {
    /// An empty copy; a company is announced once per `cooldown`.
    #[must_use]
    pub fn new(cooldown: Duration) -> Self {
        Self {
            cooldown,
            stored: HashMap::new(),
            waiting: BTreeSet::new(),
            of_session: HashMap::new(),
        }
    }

    /// The bucket holds this claim. A message that is older than the known claim is ignored, and so is one from before the
    /// arrival was announced.
    pub fn heard(&mut self, key: CompanyKey, claim: Claim, sequence: u64) {
        let is_older = |known: &StoredClaim| {
            known.sequence > sequence
                || (known.claim.id == claim.id
                    && known.claim.waiting().is_none()
                    && claim.waiting().is_some())
                || (known.sequence == 0 && known.claim.claimed_at > claim.claimed_at)
        };
        if self.stored.get(&key).is_some_and(is_older) {
            return;
        }
        self.remove_waiting(&key);
        if let Some(arrival) = claim.waiting() {
            self.of_session.insert(arrival.guid.clone(), key.clone());
            self.waiting.insert((claim.claimed_at, key.clone()));
        }
        self.stored.insert(key, StoredClaim { claim, sequence });
    }

    /// The bucket no longer holds a claim under this key.
    pub fn gone(&mut self, key: &CompanyKey, sequence: u64) {
        if self
            .stored
            .get(key)
            .is_some_and(|known| known.sequence <= sequence)
        {
            self.remove_waiting(key);
            self.stored.remove(key);
        }
    }

    /// The bucket has lost everything, so the claims that are known here must be put back.
    pub fn lost(&mut self) {
        for stored in self.stored.values_mut() {
            stored.sequence = 0;
        }
    }

    /// The claims to put back into a lost bucket.
    #[must_use]
    pub fn all(&self) -> Vec<(CompanyKey, Claim)> {
        let lost = self.stored.iter().filter(|(_, stored)| stored.sequence == 0);
        lost.map(|(key, stored)| (key.clone(), stored.claim.clone()))
            .collect()
    }

    /// Whether an arrival that was seen at that time needs no claim.
    #[must_use]
    pub fn covers(&self, key: &CompanyKey, seen_at: Timestamp) -> bool {
        self.get(key)
            .is_some_and(|stored| stored.claim.covers(seen_at, self.cooldown))
    }

    /// The claim on a company.
    #[must_use]
    pub fn get(&self, key: &CompanyKey) -> Option<&StoredClaim> {
        self.stored.get(key)
    }

    /// The waiting claims, the oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = (&CompanyKey, &StoredClaim)> {
        self.waiting
            .iter()
            .filter_map(|(_, key)| self.stored.get_key_value(key))
    }

    /// The number of waiting claims.
    #[must_use]
    pub fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// The waiting claim of a session, if it has one.
    #[must_use]
    pub fn waiting_of(&self, guid: &Guid) -> Option<&CompanyKey> {
        self.of_session.get(guid)
    }

    /// The minimum number of messages that the bucket must hold.
    #[must_use]
    pub fn expected(&self, now: Timestamp) -> u64 {
        let is_certainly_stored = |stored: &StoredClaim| {
            stored.sequence > 0 && stored.claim.ttl(now, self.cooldown) > Some(Duration::from_secs(10))
        };
        u64::from(self.stored.values().take(16).any(is_certainly_stored))
    }

    /// Forgets expired claims.
    pub fn forget_expired(&mut self, now: Timestamp) {
        let over: Vec<_> = self
            .stored
            .iter()
            .filter(|(_, stored)| stored.claim.ttl(now, self.cooldown).is_none())
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            self.remove_waiting(&key);
            self.stored.remove(&key);
        }
    }

    fn remove_waiting(&mut self, key: &CompanyKey) {
        if let Some(known) = self.stored.get(key) {
            self.waiting.remove(&(known.claim.claimed_at, key.clone()));
            if let Some(arrival) = known.claim.waiting() {
                self.of_session.remove(&arrival.guid);
            }
        }
    }
}

#[cfg(test)]
mod tests;
