//! Log lines about what may happen thousands of times at once, said once in a while.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use protocol::Millis;

use crate::clock;

/// How long nothing more is said after a line, in ms.
const PAUSE: Millis = 30_000;

/// Decides when a line is due; one for each kind of line.
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
    /// The first line is due at once.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next_at: AtomicI64::new(0),
            unsaid: AtomicU64::new(0),
        }
    }

    /// It has happened again. Gives how often that was not said since the last line, if a line is due.
    pub fn due(&self) -> Option<u64> {
        self.due_at(clock::uptime())
    }

    fn due_at(&self, now: Millis) -> Option<u64> {
        let said = self
            .next_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next_at| {
                (now >= next_at).then_some(now + PAUSE)
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
        assert_eq!(seldom.due_at(PAUSE), None);
        assert_eq!(seldom.due_at(1 + PAUSE), Some(2));
        assert_eq!(seldom.due_at(2 + PAUSE), None);
    }
}
