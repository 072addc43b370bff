//! How much may be published without overrunning the queue. Pure.
//!
//! A full queue makes room by forgetting its oldest messages, of which nobody would hear. So what there is no room for
//! waits in the outbox, where what must go in the end is counted.

/// The share of the room left that one ingestor may fill before it looks again; others may do the same meanwhile.
const SHARE: u64 = 4;

/// The queue is nearly full when no more than this share of it is left.
const NEARLY_FULL: u64 = 4;

/// What may be published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restraint {
    allowed: u64,
    nearly_full: bool,
}

impl Restraint {
    /// So many bytes are left of so many.
    pub fn see(&mut self, left: u64, all: u64) {
        self.nearly_full = left < all / NEARLY_FULL;
        self.allowed = if self.nearly_full { 0 } else { left / SHARE };
    }

    /// So many bytes are published.
    pub fn spend(&mut self, bytes: usize) {
        self.allowed = self.allowed.saturating_sub(bytes as u64);
    }

    /// Whether anything may be published before the next look.
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
    fn nothing_more_into_a_queue_that_is_nearly_full() {
        let mut restraint = Restraint::default();
        restraint.see(24, 100);
        assert!(!restraint.allows_more() && restraint.is_nearly_full());
        restraint.see(40, 100);
        assert!(restraint.allows_more() && !restraint.is_nearly_full());
        restraint.spend(10);
        assert!(!restraint.allows_more() && !restraint.is_nearly_full());
    }

    proptest! {
        #[test]
        fn two_ingestors_that_publish_all_they_may_never_overrun_it(mib in 1_u64..300, taken in 0_u64..100) {
            let all = mib << 20;
            let mut left = all * (100 - taken) / 100;
            for _look in 0..200 {
                let mut both = [Restraint::default(); 2];
                for restraint in &mut both {
                    restraint.see(left, all);
                }
                for mut restraint in both {
                    while restraint.allows_more() {
                        restraint.spend(BATCH);
                        prop_assert!(left >= BATCH as u64, "overrun");
                        left -= BATCH as u64;
                    }
                }
            }
        }
    }
}
