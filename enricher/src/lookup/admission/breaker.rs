//! Circuit breaker in front of the Deanonymizer: when nearly every call fails, no calls are made for a while; then one
//! call probes whether the provider has recovered. Pure.
//!
//! Calls that fail at random are not a reason to stop, even if every other one fails: retries succeed. Only results of
//! calls that were admitted in the current state count.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use protocol::status::Breaker as State;

use crate::lookup::failure::FailureKind;
use crate::lookup::pauses::LONGEST_RETRY_AFTER;

/// How many of the last calls are considered.
const WINDOW: usize = 32;

/// The minimum number of results before the breaker can open.
const MIN_RESULTS: usize = 16;

/// Opens when at most one in this many calls succeeds.
const ONE_SUCCESS_IN: usize = WINDOW;

/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause, which is how long a recovered provider may go unnoticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// What the end of a call says about the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It answered.
    Success,
    /// It failed, and might fail for any other address.
    Failure,
    /// It is there, but the answer says nothing about other addresses.
    Reachable,
    /// No call was made.
    None,
}

impl Evidence {
    /// The evidence of a call that ended with this kind of failure; `None` for a call that yielded a verdict.
    pub fn of(failure: Option<FailureKind>) -> Self {
        match failure {
            None => Self::Success,
            // A provider that queues every request has not answered any.
            Some(FailureKind::Queued | FailureKind::Unusable | FailureKind::Account) => Self::Reachable,
            Some(FailureKind::NotAsked) => Self::None,
            Some(
                FailureKind::Unreachable
                | FailureKind::Interrupted
                | FailureKind::TimedOut
                | FailureKind::Throttled
                | FailureKind::ServerError,
            ) => Self::Failure,
        }
    }
}

/// The breaker's permission for one call; returned with the call's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// How often the breaker had changed its state when the call was admitted.
    generation: u64,
}

/// The breaker.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    generation: u64,
    /// Whether each of the last calls failed.
    failed: VecDeque<bool>,
    pause: Duration,
    /// While open, no probe is made before this time.
    open_until: Option<Instant>,
    /// The provider asked for no calls until this time.
    paused_until: Option<Instant>,
}

impl Breaker {
    /// Creates a closed breaker.
    pub fn new() -> Self {
        Self {
            state: State::Closed,
            generation: 0,
            failed: VecDeque::with_capacity(WINDOW),
            pause: FIRST_PAUSE,
            open_until: None,
            paused_until: None,
        }
    }

    /// Admits or refuses a call. The one call that is admitted while the breaker is open is the probe.
    pub fn admit(&mut self, now: Instant) -> Option<Admission> {
        if self.is_shut(now) {
            return None;
        }
        if self.state == State::Open {
            self.enter(State::HalfOpen);
        }
        Some(Admission {
            generation: self.generation,
        })
    }

    /// Whether a call would be refused now. Does not change the state.
    pub fn is_shut(&self, now: Instant) -> bool {
        match self.state {
            State::Closed => false,
            State::HalfOpen => true,
            State::Open => self.open_until.is_some_and(|until| now < until),
        }
    }

    /// Whether calls are held back because the provider asked for it.
    pub fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// An admitted call has ended.
    pub fn end(&mut self, admission: Admission, evidence: Evidence, now: Instant) {
        if admission.generation != self.generation {
            return;
        }
        match (self.state, evidence) {
            (State::HalfOpen, Evidence::Success | Evidence::Reachable) => self.close(),
            (State::HalfOpen, Evidence::Failure) => {
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.open(now);
            }
            (State::HalfOpen, Evidence::None) => self.open(now),
            (State::Closed | State::Open, Evidence::Success) => self.note(false, now),
            (State::Closed | State::Open, Evidence::Failure) => self.note(true, now),
            (State::Closed | State::Open, Evidence::Reachable | Evidence::None) => {}
        }
    }

    /// The provider asks for no calls for this long.
    pub fn pause(&mut self, wait: Duration, now: Instant) {
        if wait.is_zero() {
            return;
        }
        let until = now + wait.min(LONGEST_RETRY_AFTER);
        self.enter(State::Open);
        self.paused_until = self.paused_until.max(Some(until));
        self.open_until = self.open_until.max(self.paused_until);
    }

    /// Whether calls are made.
    pub fn state(&self) -> State {
        self.state
    }

    fn note(&mut self, failed: bool, now: Instant) {
        if self.failed.len() == WINDOW {
            self.failed.pop_front();
        }
        self.failed.push_back(failed);
        let successes = self.failed.iter().filter(|failed| !**failed).count();
        if self.failed.len() >= MIN_RESULTS && successes * ONE_SUCCESS_IN <= self.failed.len() {
            self.open(now);
        }
    }

    fn close(&mut self) {
        self.enter(State::Closed);
        self.pause = FIRST_PAUSE;
    }

    fn open(&mut self, now: Instant) {
        self.enter(State::Open);
        self.open_until = self.open_until.max(Some(now + self.pause));
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.failed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Evidence::{Failure, Reachable, Success};
    use proptest::prelude::*;

    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..MIN_RESULTS {
            let admission = breaker.admit(now).unwrap();
            breaker.end(admission, Failure, now);
        }
        assert_eq!(breaker.state(), State::Open);
        breaker
    }

    #[test]
    fn every_other_call_that_fails_is_no_reason_to_stop() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        for call in 0..1000 {
            let admission = breaker.admit(now).expect("closed");
            let evidence = if call % 2 == 0 { Failure } else { Success };
            breaker.end(admission, evidence, now);
        }
    }

    #[test]
    fn unusable_answers_neither_open_it_nor_keep_it_open() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        for _ in 0..1000 {
            let admission = breaker.admit(now).expect("closed");
            breaker.end(admission, Reachable, now);
        }
        let mut breaker = open(now);
        let later = now + LONGEST_PAUSE;
        let probe = breaker.admit(later).expect("a probe");
        breaker.end(probe, Reachable, later);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn queued_questions_do_not_hide_that_nothing_succeeds() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        for call in 0..MIN_RESULTS * 2 {
            let kind = if call % 2 == 0 {
                FailureKind::Queued
            } else {
                FailureKind::ServerError
            };
            let admission = breaker.admit(now).expect("closed");
            breaker.end(admission, Evidence::of(Some(kind)), now);
        }
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(Evidence::of(None), Success);
    }

    #[test]
    fn opens_when_nothing_succeeds() {
        let now = Instant::now();
        let mut breaker = open(now);
        assert!(breaker.is_shut(now));
        assert_eq!(breaker.admit(now), None);
    }

    #[test]
    fn one_call_probes_after_the_pause() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + FIRST_PAUSE;
        assert!(!breaker.is_shut(later));
        let probe = breaker.admit(later).unwrap();
        assert_eq!(breaker.state(), State::HalfOpen);
        assert_eq!(breaker.admit(later), None, "only one");
        breaker.end(probe, Success, later);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn results_of_calls_from_before_do_not_count() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        let before = breaker.admit(now).unwrap();
        for _ in 0..MIN_RESULTS {
            breaker.end(before, Failure, now);
        }
        let later = now + FIRST_PAUSE;
        let probe = breaker.admit(later).unwrap();
        breaker.end(before, Success, later);
        assert_eq!(breaker.state(), State::HalfOpen);
        breaker.end(probe, Failure, later);
        breaker.end(before, Success, later);
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn pauses_grow_up_to_the_bound() {
        let mut now = Instant::now();
        let mut breaker = open(now);
        for _ in 0..10 {
            now += LONGEST_PAUSE;
            let probe = breaker.admit(now).unwrap();
            breaker.end(probe, Failure, now);
        }
        assert_eq!(breaker.admit(now + LONGEST_PAUSE.mul_f64(0.99)), None);
        assert!(breaker.admit(now + LONGEST_PAUSE).is_some());
    }

    #[test]
    fn an_abandoned_probe_is_followed_by_another() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + FIRST_PAUSE;
        let probe = breaker.admit(later).unwrap();
        breaker.end(probe, Evidence::None, later);
        assert!(breaker.admit(later + FIRST_PAUSE).is_some());
    }

    #[test]
    fn pauses_for_as_long_as_the_provider_asks() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut breaker = Breaker::new();
        let admission = breaker.admit(now).unwrap();
        breaker.pause(30 * second, now);
        breaker.end(admission, Failure, now);
        assert_eq!(breaker.admit(now + 29 * second), None);
        assert!(breaker.is_paused(now + 29 * second));
        assert!(!breaker.is_paused(now + 30 * second));
        assert!(breaker.admit(now + 30 * second).is_some());
        breaker.pause(Duration::MAX, now);
        assert!(!breaker.is_shut(now + LONGEST_RETRY_AFTER));
    }

    #[test]
    fn a_pause_that_is_over_changes_nothing() {
        let mut breaker = Breaker::new();
        breaker.pause(Duration::ZERO, Instant::now());
        assert_eq!(breaker.state(), State::Closed);
    }

    proptest! {
        #[test]
        fn always_admits_a_call_again_after_the_longest_pause(
            results in proptest::collection::vec((any::<bool>(), 0..5_000_u64), 0..200),
        ) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new();
            for (failed, elapsed) in results {
                now += Duration::from_millis(elapsed);
                if let Some(admission) = breaker.admit(now) {
                    breaker.end(admission, if failed { Failure } else { Success }, now);
                }
                prop_assert!(!breaker.is_shut(now + LONGEST_PAUSE));
            }
        }
    }
}
