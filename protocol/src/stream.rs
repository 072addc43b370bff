//! Names of streams, consumers and buckets, and how long messages are kept.

use std::time::Duration;

/// Raw events, a work queue.
pub const RAW: &str = "VISITOR_RAW";
/// Records and tombstones: the last message of each session.
pub const SESSIONS: &str = "VISITOR_SESSIONS";
/// Last activities.
pub const ACTIVITY: &str = "VISITOR_ACTIVITY";
/// Rejected messages.
pub const REJECTED: &str = "VISITOR_REJECTED";
/// The fleet's profiles and lookup leases, a KV bucket.
pub const PROFILES: &str = "visitor_profiles";
/// Secrets that only enrichers may read, such as the key that addresses are hashed with; a KV bucket.
pub const SECRETS: &str = "visitor_secrets";
/// The companies whose arrival the fleet of notifiers has claimed, a KV bucket.
pub const NOTIFIED: &str = "visitor_notified";
/// The durable consumer of [`SESSIONS`] that all notifiers share.
pub const NOTIFIER: &str = "notifier";
/// The durable consumer of [`RAW`] that all enrichers share.
pub const ENRICHER: &str = "enricher";

/// How long a raw event waits for an enricher.
pub const RAW_MAX_AGE: Duration = Duration::from_mins(10);
/// How long the record of an active session is kept.
pub const RECORD_TTL: Duration = Duration::from_hours(24);
/// How long the record of a stale session is kept.
pub const STALE_RECORD_TTL: Duration = Duration::from_mins(15);
/// How long a closing is remembered after the last event of its session, unless a flag sets it.
pub const REMEMBER_CLOSINGS: Duration = Duration::from_mins(10);

/// How long a tombstone is kept, in whole seconds, so that its closing is remembered for `remember` after each event.
///
/// That is an eighth longer: an event that finds the tombstone younger than [`renew_after`] need not renew it.
#[must_use]
pub fn tombstone_ttl(remember: Duration) -> Duration {
    let millis = remember.as_millis().saturating_mul(9);
    Duration::from_secs(u64::try_from(millis.div_ceil(8_000)).unwrap_or(u64::MAX).max(1))
}

/// How old a tombstone that was given `ttl` may be when an event of its session comes and does not renew it.
#[must_use]
pub const fn renew_after(ttl: Duration) -> Duration {
    Duration::from_millis(ttl.as_secs() * 1_000 / 9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ten_minutes_cost_an_eighth_more() {
        let ttl = tombstone_ttl(REMEMBER_CLOSINGS);
        assert_eq!(ttl, Duration::from_secs(675));
        assert_eq!(renew_after(ttl), Duration::from_secs(75));
    }

    proptest! {
        #[test]
        fn an_event_that_does_not_renew_is_remembered_for_long_enough(millis in 1..=1_000_000_000_u64) {
            let remember = Duration::from_millis(millis);
            let ttl = tombstone_ttl(remember);
            prop_assert!(ttl >= remember + renew_after(ttl));
            prop_assert!(ttl <= remember * 9 / 8 + Duration::from_secs(1));
        }
    }
}
