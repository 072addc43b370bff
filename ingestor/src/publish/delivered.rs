//! Detects events that left the queue before an enricher received them. Pure.

/// The progress of the queue's consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// When the consumer was created.
    pub created: i128,
    /// The number of deliveries, including repeated ones.
    pub deliveries: u64,
    /// The highest stream sequence that was delivered or skipped.
    pub sequence: u64,
}

impl Delivered {
    /// Whether the consumer has skipped messages since `before`. Each delivered message counts as a delivery, so a sequence
    /// that has advanced by more than the deliveries has skipped purged or deleted messages.
    pub fn skipped_since(self, before: Self) -> bool {
        self.created == before.created
            && self.sequence.saturating_sub(before.sequence)
                > self.deliveries.saturating_sub(before.deliveries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(deliveries: u64, sequence: u64) -> Delivered {
        Delivered {
            created: 1,
            deliveries,
            sequence,
        }
    }

    #[test]
    fn first_and_repeated_deliveries_skip_nothing() {
        assert!(!at(7, 5).skipped_since(at(7, 5)));
        assert!(!at(9, 7).skipped_since(at(7, 5)));
        assert!(!at(12, 7).skipped_since(at(7, 5)));
    }

    #[test]
    fn purge_moves_the_sequence_without_deliveries() {
        assert!(at(7, 9).skipped_since(at(7, 5)));
        assert!(at(9, 9).skipped_since(at(7, 5)));
    }

    #[test]
    fn new_consumer_is_not_compared() {
        let now = Delivered {
            created: 2,
            ..at(0, 9)
        };
        assert!(!now.skipped_since(at(7, 5)));
    }
}
