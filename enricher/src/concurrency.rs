//! How many calls may run at once: few at first, up to as many as are allowed while they are needed and all is well,
//! fewer while the Deanonymizer is slower than it was or says that it is too much. Pure.
//!
//! Additive increase, multiplicative decrease, as TCP does it: what is too much halves the limit, what takes much longer
//! than usual, or for ever, lowers it a little, and a round of answers that filled it adds one. A call that found nobody
//! says nothing of what would be too much; that is the circuit breaker's business.

use std::time::Duration;

use protocol::Millis;
use protocol::time::millis;

/// The limit at first. A process that dies loses the answers that it has not stored yet, so one that may die again at
/// once, with all that it left undone, had better not begin with many.
const FIRST: f64 = 4.0;

/// How much of the usual duration each call makes.
const WEIGHT: f64 = 0.1;

/// A call that takes so many times the usual is slow.
const SLOW: f64 = 3.0;

/// Differences below this, in ms, are noise.
const NOISE: f64 = 20.0;

/// The least time between two decreases, in ms, so that calls that ran together count once.
const ROUND: Millis = 200;

/// How a call ended, as far as it tells what is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer, good or bad, after so long.
    Answered(Duration),
    /// Without one in time.
    TimedOut,
    /// The Deanonymizer said that it is too much.
    Overloaded,
    /// The connection was refused, or it broke.
    Unconnected,
}

/// The limit.
#[derive(Debug)]
pub struct Concurrency {
    most: f64,
    limit: f64,
    /// The usual duration of a call, in ms.
    usual: Option<f64>,
    lowered_at: Millis,
}

impl Concurrency {
    /// Nothing is known of the Deanonymizer.
    pub fn new(most: u16) -> Self {
        Self {
            most: most.into(),
            limit: FIRST.min(most.into()),
            usual: None,
            lowered_at: Millis::MIN / 2,
        }
    }

    /// How many calls may run at once now, at least one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 65,535"
    )]
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// A call has ended that was one of `running`.
    pub fn ended(&mut self, ending: Ending, running: usize, now: Millis) {
        match ending {
            Ending::Answered(duration) => self.answered(millis(duration) as f64, running, now),
            Ending::TimedOut => self.lower(0.9, now),
            Ending::Overloaded => self.lower(0.5, now),
            Ending::Unconnected => {}
        }
    }

    fn answered(&mut self, took: f64, running: usize, now: Millis) {
        let usual = self.usual.unwrap_or(took);
        if took > usual * SLOW && took - usual > NOISE {
            self.lower(0.9, now);
        } else if running >= self.limit() {
            self.limit = (self.limit + 1.0 / self.limit).min(self.most);
        }
        self.usual = Some(usual + WEIGHT * (took - usual));
    }

    fn lower(&mut self, factor: f64, now: Millis) {
        if now - self.lowered_at >= ROUND {
            self.limit = (self.limit * factor).max(1.0);
            self.lowered_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: Duration = Duration::from_millis(50);

    /// As it is after many calls that went well.
    fn at_its_most(most: u16) -> Concurrency {
        let mut concurrency = Concurrency::new(most);
        for _ in 0..1000 {
            let running = concurrency.limit();
            concurrency.ended(Ending::Answered(USUAL), running, -ROUND);
        }
        assert_eq!(concurrency.limit(), usize::from(most));
        concurrency
    }

    #[test]
    fn begins_with_few() {
        assert_eq!(Concurrency::new(32).limit(), 4);
        assert_eq!(Concurrency::new(2).limit(), 2);
    }

    #[test]
    fn too_much_halves_it_once_a_round() {
        let mut concurrency = at_its_most(32);
        for _ in 0..10 {
            concurrency.ended(Ending::Overloaded, 32, 0);
        }
        assert_eq!(concurrency.limit(), 16);
        concurrency.ended(Ending::Overloaded, 16, ROUND);
        assert_eq!(concurrency.limit(), 8);
    }

    #[test]
    fn slow_calls_lower_it() {
        let mut concurrency = at_its_most(32);
        concurrency.ended(Ending::Answered(USUAL * 10), 32, 0);
        assert_eq!(concurrency.limit(), 28);
    }

    #[test]
    fn one_call_in_a_hundred_that_is_never_answered_costs_little() {
        let mut concurrency = at_its_most(32);
        for call in 0..10_000 {
            let ending = match call % 100 {
                0 => Ending::TimedOut,
                _ => Ending::Answered(USUAL),
            };
            let running = concurrency.limit();
            concurrency.ended(ending, running, call * ROUND);
        }
        assert!(concurrency.limit() >= 24, "{concurrency:?}");
    }

    #[test]
    fn who_is_not_there_does_not_change_what_is_usual() {
        let mut concurrency = at_its_most(32);
        for _ in 0..100 {
            concurrency.ended(Ending::Unconnected, 32, 0);
        }
        concurrency.ended(Ending::Answered(USUAL), 32, 0);
        assert_eq!(concurrency.limit(), 32);
    }

    #[test]
    fn recovers_by_itself() {
        let mut concurrency = at_its_most(32);
        for round in 0..10 {
            concurrency.ended(Ending::Overloaded, 32, round * ROUND);
        }
        assert_eq!(concurrency.limit(), 1);
        for _ in 0..1000 {
            let running = concurrency.limit();
            concurrency.ended(Ending::Answered(USUAL), running, 10_000);
        }
        assert_eq!(concurrency.limit(), 32);
    }

    #[test]
    fn does_not_grow_while_it_is_not_used() {
        let mut concurrency = at_its_most(32);
        concurrency.ended(Ending::Overloaded, 32, 0);
        for _ in 0..1000 {
            concurrency.ended(Ending::Answered(USUAL), 3, 10_000);
        }
        assert_eq!(concurrency.limit(), 16);
    }

    proptest! {
        #[test]
        fn always_between_one_and_the_most(
            most in 1..64_u16,
            calls in proptest::collection::vec((0..5_000_u64, 0..4), 0..200),
        ) {
            let mut concurrency = Concurrency::new(most);
            for (index, (took, kind)) in calls.into_iter().enumerate() {
                let now = Millis::try_from(index).unwrap() * 100;
                let ending = match kind {
                    0 => Ending::Overloaded,
                    1 => Ending::TimedOut,
                    2 => Ending::Unconnected,
                    _ => Ending::Answered(Duration::from_millis(took)),
                };
                concurrency.ended(ending, usize::from(most), now);
                prop_assert!((1..=usize::from(most)).contains(&concurrency.limit()));
            }
        }
    }
}
