//! This enricher's copy of the bucket: loads it at the start, follows its changes, and restores the bucket after a loss.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::kv::{self, Operation};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use moka::Expiry;
use moka::future::Cache;
use service::backoff::Backoff;
use service::bucket::BucketError;
use service::health::Health;
use service::incarnation::Change;
use service::stream_watch::{StreamFault, StreamWatch};
use service::streams::Streams;
use service::{Nats, clock};
use tokio::sync::{Notify, mpsc};

use crate::address_key::Key;
use crate::lookup::admission::guard::Guard;
use crate::lookup::cache::claim_gate::RESTORE_TIME;
use crate::lookup::cache::deferrals::Deferrals;
use crate::lookup::cache::entry::{CachedVerdict, Entry, Pause};
use crate::lookup::cache::shared::{PAUSE, SharedCache};
use crate::lookup::cache::shared_account::ACCOUNT;
use crate::lookup::cache::shared_bill::BILL;
use crate::lookup::failure::LookupFailure;

/// The part's name in [`Health`].
pub const PART: &str = "profiles bucket";

/// The stream of the bucket.
const PROFILES_STREAM: &str = "KV_visitor_profiles";

/// A cached verdict that holds for longer than this has not expired in the bucket either.
const EXPIRY_MARGIN: Duration = Duration::from_secs(10);

/// How many cached verdicts are checked each second.
const SAMPLE: usize = 16;

/// How many verdicts are put back at once.
const AT_ONCE: usize = 64;

/// The copy. Clones share it.
#[derive(Clone)]
pub struct LocalCache {
    cache: Cache<Key, Arc<CachedVerdict>>,
    subscribers: Arc<Mutex<HashMap<Key, Arc<Notify>>>>,
    /// Receives each address that has a verdict.
    judged: mpsc::UnboundedSender<Key>,
    deferrals: Deferrals,
}

/// What is known of the bucket's stream.
struct Bucket {
    watch: StreamWatch,
    /// Whether it was lost and is not fully restored yet.
    lost: bool,
}

struct UntilExpired;

impl Expiry<Key, Arc<CachedVerdict>> for UntilExpired {
    fn expire_after_create(&self, _: &Key, found: &Arc<CachedVerdict>, _: Instant) -> Option<Duration> {
        Some(found.remaining(clock::now()).unwrap_or_default())
    }

    fn expire_after_update(
        &self,
        _: &Key,
        found: &Arc<CachedVerdict>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(found.remaining(clock::now()).unwrap_or_default())
    }
}

impl LocalCache {
    /// An empty copy for `capacity` verdicts; the least used are evicted first. `judged` receives each address on which some
    /// enricher has a verdict.
    pub fn new(capacity: u64, judged: mpsc::UnboundedSender<Key>) -> Self {
        Self {
            cache: Cache::builder()
                .max_capacity(capacity)
                .expire_after(UntilExpired)
                .build(),
            subscribers: Arc::default(),
            judged,
            deferrals: Deferrals::new(),
        }
    }

    /// When addresses with unusable answers are asked about again.
    pub fn deferrals(&self) -> &Deferrals {
        &self.deferrals
    }

    /// The verdict under a key, if it is cached here.
    pub async fn get(&self, key: Key) -> Option<Arc<CachedVerdict>> {
        self.cache.get(&key).await
    }

    /// The verdict under a key. If it is not cached here, calls `find`, once for all concurrent callers.
    ///
    /// # Errors
    /// Fails if `find` fails. The failure is not cached.
    pub async fn get_or(
        &self,
        key: Key,
        find: impl Future<Output = Result<Arc<CachedVerdict>, LookupFailure>>,
    ) -> Result<Arc<CachedVerdict>, Arc<LookupFailure>> {
        self.cache.try_get_with(key, find).await
    }

    /// A subscription that is notified when the key's entry in the bucket changes.
    pub fn subscribe(&self, key: Key) -> Arc<Notify> {
        Arc::clone(lock(&self.subscribers).entry(key).or_default())
    }

    /// Ends all subscriptions to the key, for example because its verdict arrived before they began.
    pub fn unsubscribe(&self, key: Key) {
        lock(&self.subscribers).remove(&key);
    }

    /// Forgets everything, because the keys are no longer valid.
    pub fn clear(&self) {
        self.cache.invalidate_all();
        self.deferrals.clear();
    }

    /// Follows the bucket. Never returns.
    pub async fn follow(
        self,
        shared_cache: SharedCache,
        guard: Guard,
        nats: Nats,
        streams: Streams,
        health: Health,
    ) {
        let mut backoff = Backoff::for_nats();
        let mut bucket = Bucket {
            watch: StreamWatch::new(nats.clone(), PROFILES_STREAM),
            lost: false,
        };
        loop {
            let connection = self
                .one_connection(&shared_cache, &guard, &nats, &streams, &health, &mut bucket)
                .await;
            shared_cache.claim_gate().close();
            match connection {
                Ok(()) => {
                    backoff.reset();
                    // What the bucket holds is uncertain until it is read again.
                    health.failing(PART, "the connection was lost");
                }
                Err(error) => {
                    health.failing(PART, format!("{error:#}"));
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }

    async fn one_connection(
        &self,
        shared_cache: &SharedCache,
        guard: &Guard,
        nats: &Nats,
        streams: &Streams,
        health: &Health,
        Bucket { watch, lost }: &mut Bucket,
    ) -> anyhow::Result<()> {
        let epoch = nats.connected().await;
        clock::known().await;
        let bucket = streams.profiles().await?;
        let mut changes = bucket.watch_with_history(">").await?;
        *lost |= watch.begin(&bucket.stream) != Change::Same;
        let mut delay = Duration::ZERO;
        if *lost {
            self.put_back(shared_cache, guard, health).await?;
            *lost = false;
            // The others need time to put back what they have paid for or are paying for.
            if shared_cache.holders().has_others() {
                delay = RESTORE_TIME;
            }
        }
        health.ok(PART);
        shared_cache.claim_gate().open(epoch, delay);
        let mut interrupted = std::pin::pin!(nats.lost(epoch));
        let mut check = std::pin::pin!(watch.check(self.least_messages(guard)));
        loop {
            let change = tokio::select! {
                () = &mut interrupted => return Ok(()),
                found = &mut check => {
                    if let Err(fault) = watch.evaluate(found) {
                        if matches!(fault, StreamFault::Unanswered(_)) {
                            nats.leave_unresponsive_server(epoch).await;
                        }
                        return Err(fault.into());
                    }
                    check.set(watch.check(self.least_messages(guard)));
                    continue;
                }
                change = changes.next() => change.ok_or_else(|| anyhow::anyhow!("the watch has ended"))??,
            };
            if let Some(key) = Key::parse(&change.key) {
                self.on_change(key, &change, shared_cache, guard).await;
            } else if change.key == ACCOUNT {
                // An entry that cannot be parsed comes from another release.
                if let Ok(entry) = serde_json::from_slice(&change.value) {
                    guard.account().learn(Some(entry));
                }
            } else if change.key == BILL
                && let Ok(bill) = serde_json::from_slice(&change.value)
            {
                guard.meter().learn(&bill);
            } else if change.key == PAUSE
                && let Ok(Pause { until }) = serde_json::from_slice(&change.value)
            {
                guard.wait_until(until);
            }
        }
    }

    /// The minimum number of messages in the bucket: one for the bill, and one if a cached verdict is not about to expire.
    fn least_messages(&self, guard: &Guard) -> impl FnOnce() -> u64 + Send + use<> {
        let (cache, meter) = (self.cache.clone(), guard.meter().clone());
        move || {
            let still_holds = |found: &CachedVerdict| found.remaining(clock::now()) > Some(EXPIRY_MARGIN);
            let verdict = cache.iter().take(SAMPLE).any(|(_, found)| still_holds(&found));
            u64::from(verdict) + u64::from(meter.is_stored())
        }
    }

    async fn on_change(&self, key: Key, change: &kv::Entry, shared_cache: &SharedCache, guard: &Guard) {
        let entry = (change.operation == Operation::Put)
            .then(|| serde_json::from_slice(&change.value).ok())
            .flatten();
        let deferral = match entry {
            Some(Entry::Verdict(found)) => {
                guard.account().fleet_answered(found.looked_up_at);
                let found = shared_cache.admit(key, found, change.revision);
                self.cache.insert(key, found).await;
                // Fails only when the process exits.
                let _ = self.judged.send(key);
                None
            }
            Some(Entry::Deferred { deferral, .. }) => Some(deferral),
            Some(Entry::Lease { deferral, .. }) => deferral,
            None => None,
        };
        self.deferrals.set(key, deferral).await;
        if let Some(waiting) = lock(&self.subscribers).remove(&key) {
            waiting.notify_waiters();
        }
    }

    /// Restores a lost bucket from this copy: the bill, the account if it is not accepted, deferrals and verdicts. The
    /// enricher is not ready until then, because what only it knows would be lost with it.
    async fn put_back(
        &self,
        shared_cache: &SharedCache,
        guard: &Guard,
        health: &Health,
    ) -> Result<(), BucketError> {
        let cached: Vec<_> = self.cache.iter().map(|(key, found)| (*key, found)).collect();
        health.failing(
            PART,
            format!(
                "the bucket was lost; restoring the bill and {} verdicts",
                cached.len()
            ),
        );
        guard.meter().write().await?;
        if let Some(entry) = guard.account().not_accepted() {
            shared_cache.put_back_account(&entry).await?;
        }
        let deferred = stream::iter(self.deferrals.all())
            .map(async |(key, deferral)| shared_cache.put_back_deferral(key, deferral).await)
            .buffer_unordered(AT_ONCE);
        deferred.try_collect::<()>().await?;
        let stored = stream::iter(cached)
            .map(
                async |(key, found)| match shared_cache.store(key, &found, 0).await {
                    // A newer release may have written an entry that this one cannot read.
                    Ok(()) | Err(BucketError::Invalid) => Ok(()),
                    Err(error) => Err(error),
                },
            )
            .buffer_unordered(AT_ONCE);
        stored.try_collect().await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
