//! How long closings are remembered when the stream fills up (ADR 13): tombstones give way first, then new records
//! wait, and published records always stay. Pure.

use std::time::Duration;

use protocol::stream::tombstone_ttl;

/// The shortest time for which closings are remembered, however full the stream is: long enough for what is in the
/// queue.
const LEAST: Duration = Duration::from_secs(10);

/// What the free space in the stream of sessions allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityPolicy {
    /// How long a tombstone is kept.
    pub tombstone_ttl: Duration,
    /// Whether that is shorter than configured.
    pub is_tight: bool,
    /// How many bytes the records of new sessions may take. The last tenth of the stream is reserved for messages that
    /// replace others, because a full cluster refuses even those.
    pub left_for_records: u64,
}

impl CapacityPolicy {
    /// Whether the record of a new session may be written.
    pub fn admits_records(self) -> bool {
        self.left_for_records > 0
    }
}

/// The policy while `used` of `limit` bytes are used and closings should be remembered for `remember`.
///
/// The full time holds up to half of the stream. From there to six tenths it shrinks to ten seconds, so that a burst
/// of closings frees its space within seconds.
pub fn capacity_policy(remember: Duration, used: u64, limit: u64) -> CapacityPolicy {
    let least = LEAST.min(remember);
    let (used, limit) = (u128::from(used) * 100, u128::from(limit));
    let (tight, tightest, full) = (limit * 50, limit * 60, limit * 90);
    let is_tight = used > tight;
    let remembered = if is_tight {
        let left = tightest.saturating_sub(used) * 1_000 / (tightest - tight).max(1);
        least + remember.saturating_sub(least) * u32::try_from(left).unwrap_or(1_000) / 1_000
    } else {
        remember
    };
    CapacityPolicy {
        tombstone_ttl: tombstone_ttl(remembered),
        is_tight: is_tight && least < remember,
        left_for_records: u64::try_from(full.saturating_sub(used) / 100).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEN_MINUTES: Duration = Duration::from_mins(10);

    #[test]
    fn tombstones_give_way_first_and_then_new_records_wait() {
        let at = |percent| capacity_policy(TEN_MINUTES, percent, 100);
        assert_eq!((at(50).is_tight, at(50).left_for_records), (false, 40));
        assert_eq!(at(50).tombstone_ttl, tombstone_ttl(TEN_MINUTES));
        assert_eq!((at(55).is_tight, at(55).left_for_records), (true, 35));
        assert_eq!(at(55).tombstone_ttl, tombstone_ttl(Duration::from_secs(305)));
        assert_eq!(
            (at(60).left_for_records, at(60).tombstone_ttl),
            (30, tombstone_ttl(LEAST))
        );
        for full in [90, 95, 100, 120] {
            assert_eq!((at(full).is_tight, at(full).left_for_records), (true, 0));
            assert_eq!(at(full).tombstone_ttl, tombstone_ttl(LEAST));
        }
    }

    #[test]
    fn stream_without_a_limit_is_never_full() {
        let allowance = capacity_policy(TEN_MINUTES, 1 << 40, u64::MAX);
        assert!(!allowance.is_tight && allowance.left_for_records > 1 << 60);
    }

    proptest! {
        #[test]
        fn fuller_never_means_longer(a: u32, b: u32, limit in 1..=u32::MAX, remember in 1..100_000_u64) {
            let remember = Duration::from_millis(remember);
            let (less, more) = (a.min(b), a.max(b));
            let less = capacity_policy(remember, less.into(), limit.into());
            let more = capacity_policy(remember, more.into(), limit.into());
            prop_assert!(less.tombstone_ttl >= more.tombstone_ttl);
            prop_assert!(less.left_for_records >= more.left_for_records);
            prop_assert!(less.tombstone_ttl <= tombstone_ttl(remember));
        }
    }
}
