//! Watches how full the stream of sessions is, and what that allows for tombstones and new records.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use service::health::Health;
use service::{Nats, streams};

use crate::records::closing_memory::{CapacityPolicy, capacity_policy};

/// The part's name in [`Health`].
pub const PART: &str = "room for sessions";

/// The intervals at which the stream is asked: less often while it is far from full.
const ASK_EVERY: Duration = Duration::from_secs(1);
const ASK_EVERY_WHERE_TIGHT: Duration = Duration::from_millis(200);

/// The size of a tombstone and of a record, in bytes, rounded up. The stream reports the exact sum the next time it is
/// asked.
const TOMBSTONE_BYTES: u64 = 300;
const RECORD_BYTES: u64 = 1_000;

/// What the free space in the stream allows now. Clones share it.
#[derive(Clone, Debug)]
pub struct StreamCapacity {
    remember: Duration,
    fill: Arc<Fill>,
}

/// How full the stream is, in bytes.
#[derive(Debug)]
struct Fill {
    /// As the stream reported last, plus what this enricher has written since.
    used: AtomicU64,
    limit: AtomicU64,
}

impl StreamCapacity {
    /// How long a tombstone that is written now is kept.
    pub fn tombstone_ttl(&self) -> Duration {
        self.policy().tombstone_ttl
    }

    /// Whether closings are remembered for a shorter time than configured.
    pub fn is_tight(&self) -> bool {
        self.policy().is_tight
    }

    /// Whether the record of a new session may be written.
    pub fn admits_records(&self) -> bool {
        self.policy().admits_records()
    }

    /// How many records of new sessions may be written.
    pub fn records_admitted(&self) -> usize {
        let records = self.policy().left_for_records.div_ceil(RECORD_BYTES);
        usize::try_from(records).unwrap_or(usize::MAX)
    }

    /// Counts a tombstone that is being written.
    pub fn tombstone_written(&self) {
        self.fill.used.fetch_add(TOMBSTONE_BYTES, Ordering::Relaxed);
    }

    /// Counts the record of a new session that is being written.
    pub fn record_written(&self) {
        self.fill.used.fetch_add(RECORD_BYTES, Ordering::Relaxed);
    }

    fn policy(&self) -> CapacityPolicy {
        let used = self.fill.used.load(Ordering::Relaxed);
        capacity_policy(self.remember, used, self.fill.limit.load(Ordering::Relaxed))
    }
}

/// Watches the stream in a separate task. Closings should be remembered for `remember`.
pub fn watch(nats: Nats, remember: Duration, health: Health) -> StreamCapacity {
    let capacity = StreamCapacity {
        remember,
        fill: Arc::new(Fill {
            used: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
        }),
    };
    let asked = capacity.clone();
    tokio::spawn(async move {
        loop {
            nats.connected().await;
            // The writers report a stream that cannot be asked.
            if let Ok(stream) = nats.jetstream().get_stream(protocol::stream::SESSIONS).await {
                let (left, limit) = streams::room(&stream);
                asked.fill.limit.store(limit, Ordering::Relaxed);
                asked.fill.used.store(limit - left, Ordering::Relaxed);
                report(&health, asked.policy());
            }
            tokio::time::sleep(if asked.is_tight() {
                ASK_EVERY_WHERE_TIGHT
            } else {
                ASK_EVERY
            })
            .await;
        }
    });
    capacity
}

fn report(health: &Health, policy: CapacityPolicy) {
    match (policy.admits_records(), policy.is_tight) {
        (true, false) => health.ok(PART),
        (true, true) => health.failing(
            PART,
            "the stream of sessions is more than half full: closings are remembered for a shorter time than \
             --remember-closings says until --sessions-mib is raised",
        ),
        (false, _) => health.failing(
            PART,
            "the stream of sessions is full: new visitors wait until others leave or --sessions-mib is raised",
        ),
    }
}
