//! What the fleet remembers about an address whose answers are unusable, and when it asks again. Pure.

use std::time::Duration;

use protocol::time::millis;
use protocol::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lookup::pauses::{self, LONGEST_RETRY_AFTER};

/// The pause before the second call, because the first answer may have been damaged in transit.
const QUICK_RETRY: Duration = Duration::from_millis(100);

/// The pauses after damaged answers. One call in ten may be answered so at random: four calls within two seconds leave
/// one visitor in ten thousand unidentified.
const DAMAGED: [Duration; 5] = [
    QUICK_RETRY,
    Duration::from_millis(400),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_mins(5),
];

/// The maximum number of calls for an address within ten minutes, including the early one.
const MAX_CALLS: u32 = 6;

/// The pause after that many calls and more.
const LAST_PAUSE: Duration = Duration::from_mins(10);

/// How long failures are remembered after the next call is due: the session may return late, or to another enricher.
const REMEMBER: Duration = Duration::from_mins(10);

/// Why there is no verdict although the provider answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It cannot be read, for example because its end is missing: most likely it was damaged in transit.
    Damaged,
    /// It can be read, but lacks a required part or is about another address. It may have been damaged in transit.
    Malformed,
    /// The provider rejected the request, and wants no other one for this address before that time.
    Rejected {
        /// The `Retry-After` of the answer.
        retry_after: Option<Duration>,
    },
}

impl Unusable {
    fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Damaged | Self::Malformed => None,
            Self::Rejected { retry_after } => retry_after,
        }
    }
}

/// The unusable answers for one address, and when the fleet asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deferral {
    /// Calls in a row whose answer was unusable, or that were not recorded because their enricher was killed.
    pub failures: u32,
    /// No call is made before this time.
    pub retry_at: Timestamp,
    /// Whether the first usable answer for another address brings one call before that: the fault may have been the
    /// provider's.
    pub early_retry: bool,
}

impl Deferral {
    /// The deferral after an unusable answer, given the deferral `before` it. `jitter` is between 0 and 1; it spreads
    /// the calls for addresses that failed together.
    pub fn after(before: Option<Self>, unusable: Unusable, now: Timestamp, jitter: f64) -> Self {
        let failures = before.map_or(0, |before| before.failures).saturating_add(1);
        let retry_after = unusable.retry_after();
        let pause = pause(unusable, failures).max(retry_after.unwrap_or_default());
        let pause = pauses::jittered(pause, jitter);
        Self {
            failures,
            retry_at: now + pause,
            early_retry: failures < MAX_CALLS
                && retry_after.is_none()
                && before.map_or(!matches!(unusable, Unusable::Rejected { .. }), |before| {
                    before.early_retry
                }),
        }
    }

    /// The deferral that applies if the call that begins now is never recorded: it counts as failed.
    pub fn unrecorded(self, now: Timestamp) -> Self {
        Self::after(Some(self), Unusable::Malformed, now, 0.0)
    }

    /// Whether a call may be made now. `early`: another address has just had a usable answer.
    pub fn allows(&self, now: Timestamp, early: bool) -> bool {
        self.left(now) == 0 || (early && self.early_retry)
    }

    /// The deferral after an early call: there is only one early call.
    pub fn spend_early_retry(self, now: Timestamp) -> Self {
        Self {
            early_retry: self.early_retry && self.left(now) == 0,
            ..self
        }
    }

    /// How long until the next call.
    pub fn wait(&self, now: Timestamp) -> Duration {
        Duration::from_millis(self.left(now).unsigned_abs())
    }

    /// What is left of the pause, in ms. A pause that is longer than the maximum means that the clock was set back.
    fn left(&self, now: Timestamp) -> Millis {
        let left = self.retry_at - now;
        let longest = millis(pauses::jittered(LONGEST_RETRY_AFTER, 1.0));
        if left > longest { 0 } else { left.max(0) }
    }

    /// How much longer the deferral is remembered.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.wait(now) + REMEMBER
    }
}

fn pause(unusable: Unusable, failures: u32) -> Duration {
    if failures >= MAX_CALLS {
        return LAST_PAUSE;
    }
    let index = match unusable {
        Unusable::Damaged => {
            let index = usize::try_from(failures).unwrap_or(usize::MAX).saturating_sub(1);
            return DAMAGED[index.min(DAMAGED.len() - 1)];
        }
        Unusable::Malformed if failures <= 1 => return QUICK_RETRY,
        Unusable::Malformed => failures - 2,
        Unusable::Rejected { .. } => failures.saturating_sub(1),
    };
    pauses::rare(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::time::unix_ms;

    const TEN_MINUTES: Millis = 600_000;
    const REJECTED: Unusable = Unusable::Rejected { retry_after: None };

    #[test]
    fn clock_that_is_put_back_prolongs_no_pause() {
        let deferral = Deferral::after(None, REJECTED, unix_ms(3_600_000), 0.0);
        assert!(!deferral.allows(unix_ms(3_600_000), false));
        assert!(deferral.allows(unix_ms(0), false));
        assert_eq!(deferral.wait(unix_ms(0)), Duration::ZERO);
    }

    /// At which ms a fleet that tries every `step` ms calls within ten minutes, if each answer is unusable. `early` says at
    /// which attempts another address has just had a usable answer, `killed` at which calls the caller is killed.
    ///
    /// A first call is not recorded before it ends, so the call of an enricher that is killed is lost.
    fn calls(unusable: Unusable, step: Millis, early: &[bool], killed: &[bool]) -> Vec<Millis> {
        let (mut known, mut calls, mut now) = (None::<Deferral>, Vec::new(), unix_ms(0));
        let mut tries = early.iter().cycle();
        while now <= unix_ms(TEN_MINUTES) {
            let early = tries.next().copied().unwrap_or_default();
            if known.is_none_or(|known| known.allows(now, early)) {
                let before = known.map(|known| known.spend_early_retry(now));
                let is_killed = killed.get(calls.len()).copied().unwrap_or_default();
                calls.push(now.unix_ms());
                known = match before {
                    Some(before) if is_killed => Some(before.unrecorded(now)),
                    // Its lease expires.
                    None if is_killed => {
                        now += 4_000;
                        None
                    }
                    before => Some(Deferral::after(before, unusable, now, 0.0)),
                };
            }
            now += step;
        }
        calls
    }

    #[test]
    fn malformed_answer_is_asked_for_again_soon_then_after_growing_pauses() {
        assert_eq!(
            calls(Unusable::Malformed, 100, &[false], &[]),
            [0, 100, 5_100, 35_100, 335_100]
        );
    }

    #[test]
    fn damaged_answer_is_asked_for_again_several_times_within_seconds() {
        assert_eq!(
            calls(Unusable::Damaged, 100, &[false], &[]),
            [0, 100, 500, 1_500, 6_500, 306_500]
        );
    }

    #[test]
    fn after_damaged_answers_to_everybody_the_first_usable_one_brings_an_early_call() {
        let mut deferral = None;
        for _ in 0..5 {
            deferral = Some(Deferral::after(deferral, Unusable::Damaged, unix_ms(0), 0.0));
        }
        assert!(deferral.unwrap().allows(unix_ms(1), true));
    }

    #[test]
    fn rejected_question_is_asked_again_after_growing_pauses() {
        assert_eq!(calls(REJECTED, 100, &[false], &[]), [0, 5_000, 35_000, 335_000]);
    }

    #[test]
    fn rejected_question_is_not_asked_again_before_the_provider_permits() {
        let after = |wait| {
            let rejected = Unusable::Rejected {
                retry_after: Some(Duration::from_secs(wait)),
            };
            Deferral::after(
                Deferral::after(None, Unusable::Malformed, unix_ms(0), 0.0).into(),
                rejected,
                unix_ms(0),
                0.0,
            )
        };
        assert_eq!(after(420).retry_at, unix_ms(420_000));
        assert_eq!(after(1).retry_at, unix_ms(30_000), "it shortens no pause");
        assert!(!after(420).allows(unix_ms(419_999), true), "not early either");
    }

    #[test]
    fn usable_answer_for_another_address_brings_one_early_call() {
        assert_eq!(
            calls(Unusable::Malformed, 1_000, &[true], &[])[..4],
            [0, 1_000, 2_000, 32_000]
        );
        assert_eq!(
            calls(REJECTED, 1_000, &[true], &[]),
            calls(REJECTED, 1_000, &[false], &[])
        );
    }

    #[test]
    fn jitter_lengthens_a_pause_by_a_quarter_at_most() {
        let retry_at = |jitter| Deferral::after(None, REJECTED, unix_ms(0), jitter).retry_at;
        assert_eq!((retry_at(0.0), retry_at(1.0)), (unix_ms(5_000), unix_ms(6_250)));
    }

    #[test]
    fn failures_are_remembered_after_the_next_call_is_due() {
        let deferral = Deferral::after(None, REJECTED, unix_ms(0), 0.0);
        assert_eq!(deferral.remaining(unix_ms(0)), Duration::from_secs(5) + REMEMBER);
        assert_eq!(deferral.remaining(unix_ms(5_001)), REMEMBER);
    }

    proptest! {
        #[test]
        fn at_most_six_calls_in_ten_minutes_besides_first_calls_of_killed_enrichers(
            unusable in prop::sample::select(&[REJECTED, Unusable::Damaged, Unusable::Malformed]),
            step in 1_i64..10_000,
            early in prop::collection::vec(any::<bool>(), 1..50),
            killed in prop::collection::vec(any::<bool>(), 0..10),
        ) {
            let lost = killed.iter().take_while(|killed| **killed).count();
            let calls = calls(unusable, step, &early, &killed);
            prop_assert!(calls.len() <= 6 + lost, "{calls:?}");
        }
    }
}
