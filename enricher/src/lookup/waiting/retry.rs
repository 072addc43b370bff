//! How long an address waits for its next lookup after one that failed. Pure.

use std::time::Duration;

use crate::lookup::failure::RetryKind;
use crate::lookup::pauses;

/// With this many transient failures in a row, the failures are not random, even if every other call fails.
pub const RANDOM_FAILURES: u32 = 16;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE_UNSENT: Duration = Duration::from_secs(4);

/// The pause after the `failures`th failure (from 1) of this kind in a row. `jitter` is between 0 and 1; it
/// spreads lookups that failed together.
pub fn pause(kind: RetryKind, failures: u32, jitter: f64) -> Duration {
    let failures = failures.max(1);
    let pause = match kind {
        RetryKind::NotSent => exponential(failures, LONGEST_PAUSE_UNSENT),
        RetryKind::Transient if failures < RANDOM_FAILURES => exponential(failures, LONGEST_PAUSE),
        RetryKind::Transient => pauses::rare(failures - RANDOM_FAILURES),
        // This pause already includes jitter.
        RetryKind::Deferred { wait, .. } => return wait,
        // It waits for the account instead.
        RetryKind::Refused => Duration::ZERO,
        RetryKind::Queued(wait) => wait,
    };
    pauses::jittered(pause, jitter)
}

fn exponential(failures: u32, longest: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(failures - 1);
    FIRST_PAUSE.saturating_mul(factor).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls are made for an address within a period if each fails immediately in the same way.
    fn calls_within(kind: RetryKind, time: Duration) -> u32 {
        let (mut elapsed, mut calls) = (Duration::ZERO, 0);
        while elapsed <= time {
            calls += 1;
            elapsed += pause(kind, calls, 0.0);
        }
        calls
    }

    #[test]
    fn every_other_call_may_fail_and_everybody_is_identified_within_seconds() {
        let tries = calls_within(RetryKind::Transient, Duration::from_secs(6));
        assert!(tries >= 14, "{tries}");
    }

    #[test]
    fn an_address_that_always_fails_is_left_alone_in_the_end() {
        let calls = calls_within(RetryKind::Transient, Duration::from_mins(10));
        assert!(calls <= 20, "{calls}");
    }

    #[test]
    fn unsent_lookups_are_retried_every_few_seconds() {
        assert_eq!(pause(RetryKind::NotSent, 1_000_000, 0.0), LONGEST_PAUSE_UNSENT);
        assert_eq!(pause(RetryKind::NotSent, 0, 0.0), FIRST_PAUSE);
    }

    #[test]
    fn jitter_spreads_by_a_quarter() {
        let (short, long) = (
            pause(RetryKind::Queued(Duration::from_secs(5)), 1, 0.0),
            pause(RetryKind::Queued(Duration::from_secs(5)), 1, 1.0),
        );
        assert_eq!(
            (short, long),
            (Duration::from_secs(5), Duration::from_millis(6_250))
        );
    }
}
