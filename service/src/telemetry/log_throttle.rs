//! Limits log lines about events that may happen thousands of times at once.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use protocol::Millis;

use crate::clock;

/// The minimum time between two lines, in ms.
const INTERVAL: Millis = 30_000;

/// Decides whether a line may be logged. Each kind of line needs its own.
///
/// ```
/// # use service::log_throttle::LogThrottle;
/// static NOT_WRITTEN: LogThrottle = LogThrottle::new();
/// if let Some(suppressed) = NOT_WRITTEN.allow() {
///     tracing::warn!(suppressed, "not written");
/// }
/// ```
#[derive(Debug)]
pub struct LogThrottle {
    next_at: AtomicI64,
    suppressed: AtomicU64,
}

impl LogThrottle {
    /// Allows the first line at once.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next_at: AtomicI64::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    /// Counts an event. If a line may be logged, returns how many were suppressed since the last one.
    pub fn allow(&self) -> Option<u64> {
        self.allow_at(clock::uptime())
    }

    fn allow_at(&self, now: Millis) -> Option<u64> {
        let allowed = self
            .next_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next_at| {
                (now >= next_at).then_some(now + INTERVAL)
            });
        if allowed.is_err() {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.suppressed.swap(0, Ordering::Relaxed))
    }
}

impl Default for LogThrottle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_a_line_per_interval_and_counts_the_suppressed() {
        let throttle = LogThrottle::new();
        assert_eq!(throttle.allow_at(1), Some(0));
        assert_eq!(throttle.allow_at(2), None);
        assert_eq!(throttle.allow_at(INTERVAL), None);
        assert_eq!(throttle.allow_at(1 + INTERVAL), Some(2));
        assert_eq!(throttle.allow_at(2 + INTERVAL), None);
    }
}
