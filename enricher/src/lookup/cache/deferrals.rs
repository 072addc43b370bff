//! This enricher's copy of the fleet's deferrals: saves reads of the bucket, and restores it after a loss.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use service::clock;

use crate::address_key::Key;
use crate::lookup::cache::deferral::Deferral;

/// How many addresses with unusable answers are remembered. The least used are evicted first; the bucket still has them.
const CAPACITY: u64 = 50_000;

/// The copy. Clones share it.
#[derive(Clone)]
pub struct Deferrals(Cache<Key, Deferral>);

struct UntilForgotten;

impl Expiry<Key, Deferral> for UntilForgotten {
    fn expire_after_create(&self, _: &Key, deferral: &Deferral, _: Instant) -> Option<Duration> {
        Some(deferral.remaining(clock::now()))
    }

    fn expire_after_update(
        &self,
        _: &Key,
        deferral: &Deferral,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(deferral.remaining(clock::now()))
    }
}

impl Deferrals {
    /// Creates an empty copy.
    pub fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CAPACITY)
                .expire_after(UntilForgotten)
                .build(),
        )
    }

    /// Adopts the bucket's entry for an address; `None` if its answers are not unusable.
    pub async fn set(&self, key: Key, deferral: Option<Deferral>) {
        match deferral {
            Some(deferral) => self.0.insert(key, deferral).await,
            None => self.0.invalidate(&key).await,
        }
    }

    /// Why an address must not be asked about now.
    pub async fn holds_back(&self, key: Key, early: bool) -> Option<Deferral> {
        let deferral = self.0.get(&key).await?;
        (!deferral.allows(clock::now(), early)).then_some(deferral)
    }

    /// All of them.
    pub fn all(&self) -> Vec<(Key, Deferral)> {
        self.0
            .iter()
            .map(|(key, deferral)| (*Arc::as_ref(&key), deferral))
            .collect()
    }

    /// Forgets everything, because the keys are no longer valid.
    pub fn clear(&self) {
        self.0.invalidate_all();
    }
}
