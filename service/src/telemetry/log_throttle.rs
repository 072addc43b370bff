//! Limits log lines about events that may happen thousands of times at once.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use protocol::Millis;

use crate::clock;

/// The least time between two lines, in ms.
const INTERVAL: Millis = 30_000;

/// Decides whether a line may be logged. Each kind of line needs its own.
///
/// ```
/// # use service::seldom::Seldom;
/// static NOT_WRITTEN: Seldom = Seldom::new();
/// if let Some(unsaid) = NOT_WRITTEN.due() {
///     tracing::warn!(unsaid, "not written");
/// }
/// ```
#[derive(Debug)]
pub struct Seldom {
    next_at: AtomicI64,
    unsaid: AtomicU64,
}

impl Seldom {
    /// Allows the first line at once.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next_at: AtomicI64::new(0),
            unsaid: AtomicU64::new(0),
        }
    }

    /// Counts an event. If a line may be logged, returns how many were suppressed since the last one.
    pub fn due(&self) -> Option<u64> {
        self.due_at(clock::uptime())
    }

    fn due_at(&self, now: Millis) -> Option<u64> {
        let said = self
            .next_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next_at| {
                (now >= next_at).then_some(now + INTERVAL)
            });
        if said.is_err() {
            self.unsaid.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.unsaid.swap(0, Ordering::Relaxed))
    }
}

impl Default for Seldom {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn said_at_once_and_then_once_in_a_while_with_the_number_of_what_was_not() {
        let seldom = Seldom::new();
        assert_eq!(seldom.due_at(1), Some(0));
        assert_eq!(seldom.due_at(2), None);
        assert_eq!(seldom.due_at(INTERVAL), None);
        assert_eq!(seldom.due_at(1 + INTERVAL), Some(2));
        assert_eq!(seldom.due_at(2 + INTERVAL), None);
    }
}
