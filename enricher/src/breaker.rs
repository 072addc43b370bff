//! The circuit breaker before the Deanonymizer: when most calls fail, none is made for a while; then one tries whether
//! it is better. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::Millis;
use protocol::status::Breaker as State;
use protocol::time::millis;

use crate::answer::LONGEST_WAIT;

/// How many of the last calls are looked at.
const WINDOW: usize = 20;

/// With fewer calls than these nothing is decided.
const ENOUGH: usize = 8;

/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause: how long after its return a Deanonymizer may go unnoticed.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// The breaker.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    /// Whether each of the last calls failed.
    failed: VecDeque<bool>,
    pause: Duration,
    until: Millis,
    /// Until when the Deanonymizer wants to be left alone.
    left_alone_until: Millis,
}

impl Breaker {
    /// Closed.
    pub fn new() -> Self {
        Self {
            state: State::Closed,
            failed: VecDeque::with_capacity(WINDOW),
            pause: FIRST_PAUSE,
            until: 0,
            left_alone_until: 0,
        }
    }

    /// Whether a call may be made now. One that may while the breaker is open is the one that tries.
    pub fn admit(&mut self, now: Millis) -> bool {
        match self.state {
            State::Closed => true,
            State::HalfOpen => false,
            State::Open => {
                let due = now >= self.until;
                if due {
                    self.state = State::HalfOpen;
                }
                due
            }
        }
    }

    /// Whether a call could be made now; changes nothing.
    pub fn is_shut(&self, now: Millis) -> bool {
        match self.state {
            State::Closed => false,
            State::HalfOpen => true,
            State::Open => now < self.until,
        }
    }

    /// Whether calls are held back because the Deanonymizer asked for it.
    pub fn is_left_alone(&self, now: Millis) -> bool {
        now < self.left_alone_until
    }

    /// A call has ended.
    pub fn ended(&mut self, failed: bool, now: Millis) {
        if self.state == State::HalfOpen {
            if failed {
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.open(now);
            } else {
                *self = Self::new();
            }
            return;
        }
        if self.failed.len() == WINDOW {
            self.failed.pop_front();
        }
        self.failed.push_back(failed);
        let failures = self.failed.iter().filter(|failed| **failed).count();
        if self.state == State::Closed && self.failed.len() >= ENOUGH && failures * 2 > self.failed.len() {
            self.open(now);
        }
    }

    /// The call that should try was not made to its end.
    pub fn abandoned(&mut self, now: Millis) {
        if self.state == State::HalfOpen {
            self.open(now);
        }
    }

    /// The Deanonymizer asks to be left alone until then.
    pub fn wait_until(&mut self, until: Millis, now: Millis) {
        if until > now {
            self.state = State::Open;
            self.left_alone_until = self.left_alone_until.max(until.min(now + millis(LONGEST_WAIT)));
            self.until = self.until.max(self.left_alone_until);
        }
    }

    /// Whether calls are made.
    pub fn state(&self) -> State {
        self.state
    }

    fn open(&mut self, now: Millis) {
        self.state = State::Open;
        self.until = self.until.max(now + millis(self.pause));
        self.failed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..ENOUGH {
            breaker.ended(true, 0);
        }
        assert_eq!(breaker.state(), State::Open);
        breaker
    }

    #[test]
    fn one_failure_in_ten_is_the_deanonymizers_habit() {
        let mut breaker = Breaker::new();
        for call in 0..1000 {
            breaker.ended(call % 10 == 0, call);
            assert!(breaker.admit(call));
        }
    }

    #[test]
    fn opens_when_most_calls_fail() {
        let mut breaker = open();
        assert!(!breaker.admit(1));
        assert!(breaker.is_shut(1));
    }

    #[test]
    fn one_call_tries_after_the_pause() {
        let mut breaker = open();
        let later = millis(FIRST_PAUSE);
        assert!(!breaker.is_shut(later));
        assert!(breaker.admit(later));
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!(!breaker.admit(later), "only one");
        breaker.ended(false, later + 1);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn pauses_grow_up_to_the_bound() {
        let mut breaker = open();
        let mut now = 0;
        for _ in 0..10 {
            now += millis(LONGEST_PAUSE);
            assert!(breaker.admit(now));
            breaker.ended(true, now);
        }
        assert!(!breaker.admit(now + millis(LONGEST_PAUSE) - 1));
        assert!(breaker.admit(now + millis(LONGEST_PAUSE)));
    }

    #[test]
    fn an_abandoned_try_is_tried_again() {
        let mut breaker = open();
        let later = millis(FIRST_PAUSE);
        assert!(breaker.admit(later));
        breaker.abandoned(later);
        assert!(breaker.admit(later + millis(FIRST_PAUSE)));
    }

    #[test]
    fn waits_as_long_as_it_is_asked_to() {
        let mut breaker = Breaker::new();
        breaker.wait_until(30_000, 0);
        breaker.ended(true, 0);
        assert!(!breaker.admit(29_999));
        assert!(breaker.is_left_alone(29_999));
        assert!(!breaker.is_left_alone(30_000));
        assert!(breaker.admit(30_000));
        breaker.wait_until(Millis::MAX, 0);
        assert!(!breaker.is_shut(millis(LONGEST_WAIT)));
    }

    #[test]
    fn a_wait_that_is_over_changes_nothing() {
        let mut breaker = Breaker::new();
        breaker.wait_until(30_000, 30_000);
        assert_eq!(breaker.state(), State::Closed);
    }
}
