//! State that the hub and the follower of the sessions' stream share about that stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use service::Health;
use tokio::sync::Notify;

/// The part's name in [`Health`].
const REPAIR_PART: &str = "view in the sessions stream";

/// The reason while the stream is restored.
const REPAIRING: &str = "the stream has lost messages; writing them again";

/// Shared by both.
#[derive(Debug, Default)]
pub struct StreamCheck {
    /// The minimum number of messages that the stream must hold; 0 while it is unknown.
    expected: AtomicU64,
    /// Notified when a write has failed.
    requested: Notify,
}

impl StreamCheck {
    /// Sets the minimum number of messages that the stream must hold.
    pub fn expect(&self, messages: u64) {
        self.expected.store(messages, Ordering::Relaxed);
    }

    /// The minimum number of messages that the stream must hold.
    pub fn expected(&self) -> u64 {
        self.expected.load(Ordering::Relaxed)
    }

    /// A write has failed, so the stream must be checked immediately.
    pub fn request(&self) {
        self.requested.notify_one();
    }

    /// Waits until a write has failed.
    pub async fn requested(&self) {
        self.requested.notified().await;
    }
}

/// Reports in health while the content of a stream is restored.
#[derive(Debug, Default)]
pub struct Repair {
    /// What the sessions' stream must hold.
    pub check: Arc<StreamCheck>,
    health: Health,
    under_way: bool,
}

impl Repair {
    /// Reports to `health`.
    pub fn new(health: Health, check: Arc<StreamCheck>) -> Self {
        Self {
            check,
            health,
            under_way: false,
        }
    }

    /// A stream has lost messages.
    pub fn begin(&mut self) {
        self.under_way = true;
        self.health.failing(REPAIR_PART, REPAIRING);
    }

    /// The streams hold everything again.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.under_way) {
            self.health.ok(REPAIR_PART);
        }
    }
}
