//! Limits how much is published, so that the queue does not overflow. Pure.
//!
//! A full queue drops its oldest messages silently. So events for which it has no room wait in the outbox, which counts
//! what it drops.

/// The share of the free bytes that one ingestor may fill until the next look, because others fill some meanwhile.
const SHARE: u64 = 4;

/// The queue is nearly full when less than this share of it is free.
const NEARLY_FULL: u64 = 4;

/// How much may be published until the next look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backpressure {
    allowed: u64,
    nearly_full: bool,
}

impl Backpressure {
    /// Takes note of how many bytes are free, of how many in all.
    pub fn update(&mut self, left: u64, all: u64) {
        self.nearly_full = left < all / NEARLY_FULL;
        self.allowed = if self.nearly_full { 0 } else { left / SHARE };
    }

    /// Takes note of published bytes.
    pub fn published(&mut self, bytes: usize) {
        self.allowed = self.allowed.saturating_sub(bytes as u64);
    }

    /// Whether anything may be published until the next look.
    pub fn allows_more(self) -> bool {
        self.allowed > 0
    }

    /// Whether the queue was nearly full at the last look.
    pub fn is_nearly_full(self) -> bool {
        self.nearly_full
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BATCH: usize = 64 * 1024;

    #[test]
    fn publishes_nothing_to_a_nearly_full_queue() {
        let mut backpressure = Backpressure::default();
        backpressure.update(24, 100);
        assert!(!backpressure.allows_more() && backpressure.is_nearly_full());
        backpressure.update(40, 100);
        assert!(backpressure.allows_more() && !backpressure.is_nearly_full());
        backpressure.published(10);
        assert!(!backpressure.allows_more() && !backpressure.is_nearly_full());
    }

    proptest! {
        #[test]
        fn two_ingestors_never_overflow_the_queue(mib in 1_u64..300, taken in 0_u64..100) {
            let all = mib << 20;
            let mut left = all * (100 - taken) / 100;
            for _look in 0..200 {
                let mut both = [Backpressure::default(); 2];
                for backpressure in &mut both {
                    backpressure.update(left, all);
                }
                for mut backpressure in both {
                    while backpressure.allows_more() {
                        backpressure.published(BATCH);
                        prop_assert!(left >= BATCH as u64, "overrun");
                        left -= BATCH as u64;
                    }
                }
            }
        }
    }
}
