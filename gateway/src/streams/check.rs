//! What the hub and the follower of the sessions' stream tell each other about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use service::Health;
use tokio::sync::Notify;

/// The part's name in [`Health`].
const REPAIR_PART: &str = "view in the sessions stream";

/// What is wrong while the stream is repaired.
const REPAIRING: &str = "the stream had lost it, putting it back";

/// Shared by both.
#[derive(Debug, Default)]
pub struct StreamCheck {
    /// How many messages the stream must hold at least; 0 while that is not known.
    expected: AtomicU64,
    /// A write has failed.
    doubted: Notify,
}

impl StreamCheck {
    /// The stream must hold so many messages at least.
    pub fn expect(&self, messages: u64) {
        self.expected.store(messages, Ordering::Relaxed);
    }

    /// How many messages the stream must hold at least.
    pub fn expected(&self) -> u64 {
        self.expected.load(Ordering::Relaxed)
    }

    /// A write has failed: the stream is looked at without waiting for the next time.
    pub fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Waits until a write has failed.
    pub async fn doubted(&self) {
        self.doubted.notified().await;
    }
}

/// Says while what a stream has lost is put back.
#[derive(Debug, Default)]
pub struct Repair {
    /// What the sessions' stream must hold.
    pub check: Arc<StreamCheck>,
    health: Health,
    under_way: bool,
}

impl Repair {
    /// Says it in `health`.
    pub fn new(health: Health, check: Arc<StreamCheck>) -> Self {
        Self {
            check,
            health,
            under_way: false,
        }
    }

    /// A stream has lost what is known here.
    pub fn begin(&mut self) {
        self.under_way = true;
        self.health.trouble(REPAIR_PART, REPAIRING);
    }

    /// The streams have all that is known here.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.under_way) {
            self.health.well(REPAIR_PART);
        }
    }
}
