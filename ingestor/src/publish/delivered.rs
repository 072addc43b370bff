//! Whether events left the queue before an enricher had them. Pure.

/// How far the consumer of the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// When the consumer was created.
    pub created: i128,
    /// How many deliveries there have been, repeated ones included.
    pub deliveries: u64,
    /// The highest stream sequence that has been delivered or passed over.
    pub sequence: u64,
}

impl Delivered {
    /// Whether messages were passed over since then: each one that is delivered counts as a delivery, so a sequence that
    /// moves further than the deliveries has passed messages that were purged or deleted.
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
