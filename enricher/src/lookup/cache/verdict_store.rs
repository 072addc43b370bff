//! Ensures that each paid verdict reaches the bucket, however long that takes.

use std::sync::Arc;

use service::backoff::Backoff;
use service::bucket::BucketError;
use service::log_throttle::LogThrottle;
use service::metrics::{Counter, Gauge};
use service::{Nats, Process, clock};
use tokio_util::task::TaskTracker;

use crate::address_key::Key;
use crate::lookup::cache::entry::CachedVerdict;
use crate::lookup::cache::shared::SharedCache;

/// How many verdicts may wait here to be stored. Without the bucket no call begins, so hardly more wait than calls
/// were under way.
const MAX_UNSTORED: u64 = 10_000;

static NOT_STORED: LogThrottle = LogThrottle::new();

/// Stores verdicts. Clones share everything.
#[derive(Clone)]
pub struct VerdictStore {
    shared_cache: SharedCache,
    nats: Nats,
    /// The tasks that the process waits for before it exits.
    tasks: TaskTracker,
    unstored: Gauge,
    given_up: Counter,
}

impl VerdictStore {
    /// A store for the fleet's bucket. Within its grace period, the process does not exit before everything is stored.
    pub fn new(process: &Process, shared_cache: SharedCache) -> Self {
        let metrics = &process.metrics;
        Self {
            shared_cache,
            nats: process.nats.clone(),
            tasks: process.tasks.clone(),
            unstored: metrics.add(
                "verdicts_unstored",
                "Paid verdicts that the bucket has not acknowledged yet; storing them is retried",
                Gauge::default(),
            ),
            given_up: metrics.add(
                "verdicts_given_up",
                "Paid verdicts that were not stored because too many waited for the bucket, or before they expired",
                Counter::default(),
            ),
        }
    }

    /// The bucket.
    pub fn shared_cache(&self) -> &SharedCache {
        &self.shared_cache
    }

    /// Returns once the verdict is stored or the first attempt has failed. After a failure, it is retried in the background
    /// until it is stored. `lease` is the sequence of the lease in the bucket.
    pub async fn store(&self, key: Key, found: &Arc<CachedVerdict>, lease: u64) {
        let Err(error) = self.shared_cache.store(key, found, lease).await else {
            return;
        };
        if let Some(suppressed) = NOT_STORED.allow() {
            tracing::warn!(%error, suppressed, "a paid verdict was not stored; retrying until the bucket accepts it");
        }
        if self.unstored.get() >= MAX_UNSTORED {
            self.given_up.inc();
            return;
        }
        self.unstored.inc();
        let (store, found) = (self.clone(), Arc::clone(found));
        self.tasks.spawn(async move {
            store.store_late(key, &found, lease).await;
            store.unstored.dec();
        });
    }

    /// Retries until the verdict is stored or has expired.
    async fn store_late(&self, key: Key, found: &Arc<CachedVerdict>, lease: u64) {
        let mut backoff = Backoff::for_nats();
        while found.remaining(clock::now()).is_some() {
            tokio::time::sleep(backoff.next_delay()).await;
            self.nats.connected().await;
            match self.shared_cache.store(key, found, lease).await {
                Ok(()) => return,
                Err(error @ BucketError::Invalid) => {
                    tracing::warn!(%error, "a paid verdict cannot be stored");
                    break;
                }
                Err(error) => tracing::debug!(%error, "a paid verdict was not stored yet"),
            }
        }
        self.given_up.inc();
    }
}
