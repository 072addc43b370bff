//! Times that are known only up to the time of an event in transit.

use protocol::Timestamp;

/// A time that is known only up to the time of an event in transit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Span {
    pub(super) fn exactly(at: Timestamp) -> Self {
        Self { from: at, to: at }
    }

    pub(super) fn contains(self, at: Timestamp) -> bool {
        (self.from..=self.to).contains(&at)
    }

    pub(super) fn hull(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        }
    }

    pub(super) fn earliest(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.min(other.to),
        }
    }

    pub(super) fn latest(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: self.to.max(other.to),
        }
    }
}
