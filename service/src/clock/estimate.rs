//! Estimates another clock from answers that carry its time. Pure.
//!
//! As in NTP, the time was read between request and answer, so the error is at most half of the round trip. Differences
//! within the error are ignored, and small ones are corrected slowly, so that time does not jump with each delay of the
//! network. A large difference is a step of the other clock, and is applied once several answers agree on it.

use protocol::{Millis, Timestamp};

/// The longest round trip of an answer that is used, in ms; it bounds the error to half of it.
const LONGEST_ROUND_TRIP: Millis = 1_000;

/// What truncating three times to milliseconds adds to the error.
const ROUNDING: Millis = 2;

/// A difference of more than this, in ms and beyond the error, is a step.
const LEAST_STEP: Millis = 250;

/// How many answers must agree on a step.
const CONFIRMATIONS: u32 = 3;

/// How far apart answers that agree may be, in ms and beyond their errors.
const AGREEMENT: Millis = 50;

/// Maximum correction by one answer that is not a step, in ms and beyond the estimate's own error.
const MOST_DRIFT: Millis = 10;

/// How much the estimate's error grows from one answer to the next, in ms: far more than two clocks drift apart.
const AGEING: Millis = 1;

/// The maximum error of a precise estimate, in ms: far less than an emitter's timestamp may be ahead of its receipt.
const PRECISE: Millis = 25;

/// An answer that carries the other clock's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When the request was sent, on our monotonic clock.
    pub asked_at: Millis,
    /// When the answer arrived, on our monotonic clock.
    pub answered_at: Millis,
    /// The other clock's time in between.
    pub time: Timestamp,
}

/// The correction from a sample, in ms to add to the estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// No correction.
    None,
    /// The other clock is known for the first time; before, the estimate was a guess.
    First(Millis),
    /// The estimate has improved, or the two clocks drift apart.
    Small(Millis),
    /// The other clock has stepped.
    Step(Millis),
}

/// The other clock's time when our monotonic clock was zero, and the bound of its error.
#[derive(Clone, Copy, Debug)]
struct Origin {
    at: Timestamp,
    error: Millis,
}

impl Origin {
    fn of(sample: Sample) -> Option<Self> {
        let round_trip = sample.answered_at - sample.asked_at;
        (0..=LONGEST_ROUND_TRIP).contains(&round_trip).then(|| Self {
            at: sample.time - sample.asked_at - round_trip / 2,
            error: round_trip / 2 + ROUNDING,
        })
    }

    fn agrees_with(self, other: Self) -> bool {
        (self.at - other.at).abs() <= self.error + other.error + AGREEMENT
    }
}

/// The estimate.
#[derive(Debug)]
pub struct Estimator {
    origin: Origin,
    known: bool,
    /// The latest sample that indicates a step, and how many agree with it.
    suspected: Option<(Origin, u32)>,
}

impl Estimator {
    /// Creates an estimator from a guess of the other clock's time when our monotonic clock was zero.
    pub fn new(guess: Timestamp) -> Self {
        Self {
            origin: Origin {
                at: guess,
                error: Millis::MAX,
            },
            known: false,
            suspected: None,
        }
    }

    /// Applies a sample.
    pub fn take(&mut self, sample: Sample) -> Correction {
        let Some(seen) = Origin::of(sample) else {
            return Correction::None;
        };
        let difference = seen.at - self.origin.at;
        if !self.known {
            self.known = true;
            self.origin = seen;
            return Correction::First(difference);
        }
        if difference.abs() <= seen.error + self.origin.error + LEAST_STEP {
            self.suspected = None;
            return self.follow(seen);
        }
        let agreed = match self.suspected {
            Some((before, agreed)) if before.agrees_with(seen) => agreed + 1,
            _ => 1,
        };
        if agreed < CONFIRMATIONS {
            self.suspected = Some((seen, agreed));
            return Correction::None;
        }
        self.suspected = None;
        self.origin = seen;
        Correction::Step(difference)
    }

    /// Whether the next sample should come soon.
    pub fn is_unsure(&self) -> bool {
        !self.known || self.suspected.is_some()
    }

    /// Whether the other clock is known within a few milliseconds.
    pub fn is_precise(&self) -> bool {
        self.known && self.origin.error <= PRECISE
    }

    /// Corrects the difference that the sample's error does not explain: fully within the estimate's own error, slowly
    /// beyond it.
    fn follow(&mut self, seen: Origin) -> Correction {
        let difference = seen.at - self.origin.at;
        let own_error = self.origin.error + AGEING;
        let unexplained = (difference.abs() - seen.error).clamp(0, own_error.max(MOST_DRIFT));
        let by = difference.signum() * unexplained;
        self.origin = Origin {
            at: self.origin.at + by,
            error: own_error.min(seen.error + (difference - by).abs()),
        };
        if by == 0 {
            Correction::None
        } else {
            Correction::Small(by)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GUESS: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);

    /// An answer of a clock that is `ahead` of the guess, asked for at `at`, with these delays in the two directions.
    fn sample(at: Millis, ahead: Millis, there: Millis, back: Millis) -> Sample {
        Sample {
            asked_at: at,
            answered_at: at + there + back,
            time: GUESS + ahead + at + there,
        }
    }

    fn known(ahead: Millis) -> Estimator {
        let mut estimator = Estimator::new(GUESS);
        assert_eq!(estimator.take(sample(0, ahead, 0, 0)), Correction::First(ahead));
        estimator
    }

    #[test]
    fn first_answer_is_adopted_at_once() {
        assert!(Estimator::new(GUESS).is_unsure());
        assert!(!known(-3_600_000).is_unsure());
    }

    #[test]
    fn an_answer_that_took_long_says_nothing() {
        let mut estimator = Estimator::new(GUESS);
        let late = sample(0, 5_000, 0, LONGEST_ROUND_TRIP + 1);
        assert_eq!(estimator.take(late), Correction::None);
        assert!(estimator.is_unsure());
    }

    #[test]
    fn step_is_adopted_when_answers_agree_on_it() {
        for by in [-3_600_000, -1_000, 300, 980_000] {
            let mut estimator = known(0);
            assert_eq!(estimator.take(sample(1_000, by, 1, 1)), Correction::None);
            assert!(estimator.is_unsure());
            assert_eq!(estimator.take(sample(1_100, by, 1, 1)), Correction::None);
            assert_eq!(estimator.take(sample(1_200, by, 1, 1)), Correction::Step(by));
            assert_eq!(estimator.take(sample(2_200, by, 1, 1)), Correction::None);
            assert!(!estimator.is_unsure());
        }
    }

    #[test]
    fn an_answer_that_took_long_is_not_precise() {
        let mut estimator = Estimator::new(GUESS);
        assert!(!estimator.is_precise());
        estimator.take(sample(0, 0, 0, 900));
        assert!(!estimator.is_unsure() && !estimator.is_precise());
        estimator.take(sample(1_000, 0, 1, 1));
        assert!(estimator.is_precise());
    }

    #[test]
    fn drift_is_followed_slowly() {
        let mut estimator = known(0);
        for round in 1..60 {
            let correction = estimator.take(sample(round * 1_000, 200, 0, 0));
            assert!(
                !matches!(correction, Correction::Small(by) if by.abs() > 3 * MOST_DRIFT),
                "{correction:?}"
            );
        }
        assert!((estimator.origin.at - GUESS - 200).abs() <= ROUNDING);
    }

    #[test]
    fn answers_that_contradict_each_other_change_nothing() {
        let mut estimator = known(0);
        for round in 0..20 {
            let wrong = sample(1_000 * round, 10_000 * (round + 1), 0, 0);
            assert_eq!(estimator.take(wrong), Correction::None);
        }
        assert_eq!(estimator.take(sample(30_000, 0, 0, 0)), Correction::None);
        assert!(!estimator.is_unsure());
    }

    proptest! {
        #[test]
        fn stays_within_the_error_with_any_asymmetric_delays(
            ahead in -10_000_000..10_000_000_i64,
            delays in proptest::collection::vec((0..500_i64, 0..500_i64), 1..60),
        ) {
            let mut estimator = Estimator::new(GUESS);
            for (round, (there, back)) in (0..).zip(delays) {
                let correction = estimator.take(sample(round * 1_000, ahead, there, back));
                prop_assert!(!matches!(correction, Correction::Step(_)));
                let wrong = (estimator.origin.at - GUESS - ahead).abs();
                prop_assert!(wrong <= estimator.origin.error, "{wrong} ms, {estimator:?}");
            }
            // An answer without delay brings it to the truth.
            estimator.take(sample(1_000_000, ahead, 0, 0));
            prop_assert!((estimator.origin.at - GUESS - ahead).abs() <= ROUNDING);
        }

        #[test]
        fn corrections_add_up_to_the_estimate(
            samples in proptest::collection::vec((-5_000..5_000_i64, 0..600_i64, 0..600_i64), 0..60),
        ) {
            let mut estimator = Estimator::new(GUESS);
            let mut sum = GUESS;
            for (round, (ahead, there, back)) in (0..).zip(samples) {
                match estimator.take(sample(round * 1_000, ahead, there, back)) {
                    Correction::None => {}
                    Correction::First(by) | Correction::Small(by) | Correction::Step(by) => sum += by,
                }
                prop_assert_eq!(estimator.origin.at, sum);
            }
        }

        #[test]
        fn a_step_is_followed_within_the_error(
            by in prop_oneof![-10_000_000..-1_500_i64, 1_500..10_000_000_i64],
            delays in proptest::collection::vec((0..200_i64, 0..200_i64), 3),
        ) {
            let mut estimator = known(0);
            for (round, (there, back)) in (1..).zip(delays) {
                estimator.take(sample(round * 1_000, by, there, back));
            }
            prop_assert!((estimator.origin.at - GUESS - by).abs() <= 200 + ROUNDING);
        }
    }
}
