//! Decides when the next message is sent: at most one a second, later while the receiver fails. Pure.

pub mod response;

use std::time::Duration;

use protocol::Millis;
use protocol::time::millis;

use self::response::Outcome;

/// The pause after a message, in which further arrivals are collected.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// The pauses between messages. Times are those of a monotonic clock.
#[derive(Debug, Default)]
pub struct Pace {
    next_at: Millis,
    failures: u32,
    /// Messages contain one arrival each, because the receiver has refused one with several.
    one_by_one: bool,
}

impl Pace {
    /// Whether a message may be sent now.
    #[must_use]
    pub fn allows(&self, now: Millis) -> bool {
        now >= self.next_at
    }

    /// How many arrivals the next message may contain, at most `max`.
    #[must_use]
    pub fn batch(&self, max: usize) -> usize {
        if self.one_by_one { 1 } else { max }
    }

    /// Sends nothing for this long.
    pub fn hold(&mut self, pause: Duration, now: Millis) {
        self.next_at = self.next_at.max(now + millis(pause));
    }

    /// Applies the result of sending a message. `chance` is a number from 0 to 1, which spreads the next attempts of
    /// several notifiers. Returns whether the arrivals of the message are given up.
    pub fn answered(&mut self, outcome: &Outcome, arrivals: usize, chance: f64, now: Millis) -> bool {
        match outcome {
            Outcome::Accepted => {
                self.failures = 0;
                self.one_by_one = false;
                self.hold(PAUSE, now);
                false
            }
            Outcome::Refused { .. } => {
                self.one_by_one = arrivals > 1;
                self.hold(PAUSE, now);
                arrivals == 1
            }
            Outcome::Failed { retry_after, .. } => {
                self.failures = self.failures.saturating_add(1);
                let grown = PAUSE
                    .saturating_mul(1 << (self.failures - 1).min(6))
                    .min(MAX_PAUSE);
                let spread = PAUSE
                    + grown
                        .saturating_sub(PAUSE)
                        .mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0);
                self.hold(retry_after.unwrap_or_default().max(spread), now);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn failed(retry_after: Option<u64>) -> Outcome {
        Outcome::Failed {
            reason: "500".into(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn a_second_passes_between_two_messages() {
        let mut pace = Pace::default();
        assert!(pace.allows(0));
        assert!(!pace.answered(&Outcome::Accepted, 3, 0.5, 100));
        assert!(!pace.allows(1_099));
        assert!(pace.allows(1_100));
    }

    #[test]
    fn retry_after_is_honoured() {
        let mut pace = Pace::default();
        pace.answered(&failed(Some(30)), 1, 0.0, 0);
        assert!(!pace.allows(29_999));
        assert!(pace.allows(30_000));
    }

    #[test]
    fn a_refused_message_is_split_and_a_single_arrival_given_up() {
        let mut pace = Pace::default();
        let refused = Outcome::Refused { reason: "400".into() };
        assert!(!pace.answered(&refused, 2, 0.5, 0));
        assert_eq!(pace.batch(20), 1);
        assert!(pace.answered(&refused, 1, 0.5, 2_000));
        assert_eq!(pace.batch(20), 20);
    }

    proptest! {
        #[test]
        fn pauses_grow_to_a_minute_and_are_never_shorter_than_a_second(failures in 1..200_usize, chance in 0.0..=1.0) {
            let mut pace = Pace::default();
            let mut now = 0;
            for _ in 0..failures {
                pace.answered(&failed(None), 1, chance, now);
                let pause = pace.next_at - now;
                prop_assert!((1_000..=60_000).contains(&pause), "{}", pause);
                now = pace.next_at;
            }
            if failures > 8 {
                prop_assert!(pace.failures > 0);
                pace.answered(&failed(None), 1, chance, now);
                prop_assert!(pace.next_at - now > 30_000);
            }
            pace.answered(&Outcome::Accepted, 1, chance, now);
            prop_assert_eq!(pace.failures, 0);
        }
    }
}
