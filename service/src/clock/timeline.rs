//! Makes times from before and after a step of the NATS server's clock comparable. Pure.
//!
//! A process that holds times of receipt asks for the time through a [`Timeline`], shifts them when
//! [`Timeline::advance`] returns a shift, and passes new ones through [`Timeline::adapt`]. So a step makes no session older or younger.

use std::collections::VecDeque;

use protocol::{Millis, Timestamp};

use super::current::Reading;

/// How much sooner or later than this process others may notice a step, in ms.
const NOTICED_WITHIN: Millis = 10_000;

/// How far the clocks of two processes may be apart, in ms.
const SKEW: Millis = 2_000;

/// How many steps are remembered.
const MOST_STEPS: usize = 16;

/// A step of the clock.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The clock's time before the step.
    before: Timestamp,
    /// The length of the step.
    by: Millis,
}

/// The time, and the steps that it has made.
#[derive(Debug)]
pub struct Timeline {
    now: Timestamp,
    stepped: Millis,
    /// The latest first.
    steps: VecDeque<Step>,
}

impl Timeline {
    /// Creates a timeline from a first reading of the clock.
    #[must_use]
    pub fn new(reading: Reading) -> Self {
        Self {
            now: reading.now,
            stepped: reading.stepped,
            steps: VecDeque::new(),
        }
    }

    /// Advances to the reading. Returns the shift for all times of receipt that are held, in ms; usually 0.
    pub fn advance(&mut self, reading: Reading) -> Millis {
        let by = reading.stepped - self.stepped;
        self.stepped = reading.stepped;
        self.now = reading.now;
        if by != 0 {
            self.steps.truncate(MOST_STEPS - 1);
            self.steps.push_front(Step {
                before: reading.now - by,
                by,
            });
        }
        by
    }

    /// The time of the last reading.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Converts a time of receipt from another process to the clock as it is now. The result is never
    /// later than now.
    ///
    /// A time that may be from before or after a step counts as the later of the two: it is better to show a session for a
    /// moment too long than to miss a visitor who is on the website.
    #[must_use]
    pub fn adapt(&self, received_at: Timestamp) -> Timestamp {
        if self.steps.is_empty() {
            return received_at.min(self.now);
        }
        let mut youngest = None;
        let mut stepped_since = 0;
        let mut until = self.now + SKEW;
        for step in &self.steps {
            let from = step.before + step.by - NOTICED_WITHIN;
            if (from..=until).contains(&received_at) {
                youngest = youngest.max(self.not_after_now(received_at + stepped_since));
            }
            stepped_since += step.by;
            until = step.before + NOTICED_WITHIN;
        }
        if received_at <= until {
            youngest = youngest.max(self.not_after_now(received_at + stepped_since));
        }
        youngest.unwrap_or(received_at).min(self.now)
    }

    fn not_after_now(&self, at: Timestamp) -> Option<Timestamp> {
        (at <= self.now + SKEW).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);
    const HOUR: Millis = 3_600_000;

    fn reading(now: Timestamp, stepped: Millis) -> Reading {
        Reading { now, stepped }
    }

    /// Half a second after a step.
    fn stepped(by: Millis) -> Timeline {
        let mut timeline = Timeline::new(reading(START, 0));
        assert_eq!(timeline.advance(reading(START + 1_000, 0)), 0);
        assert_eq!(timeline.advance(reading(START + 1_000 + by, by)), by);
        assert_eq!(timeline.advance(reading(START + 1_500 + by, by)), 0);
        timeline
    }

    #[test]
    fn without_a_step_only_the_future_is_changed() {
        let timeline = Timeline::new(reading(START, 0));
        assert_eq!(timeline.adapt(START - HOUR), START - HOUR);
        assert_eq!(timeline.adapt(START + HOUR), START);
    }

    #[test]
    fn old_and_new_stamps_mix_after_a_step() {
        for by in [HOUR, -HOUR, 120_000, -120_000] {
            let timeline = stepped(by);
            assert_eq!(timeline.adapt(START + 900), START + 900 + by, "before it");
            let unnoticed = START + 1_400;
            assert_eq!(
                timeline.adapt(unnoticed),
                unnoticed + by,
                "by a process that has not noticed"
            );
            assert_eq!(timeline.adapt(unnoticed + by), unnoticed + by, "after it");
        }
    }

    #[test]
    fn a_clock_that_was_wrong_for_a_moment_leaves_nothing_behind() {
        for by in [980_000, -980_000] {
            let mut timeline = stepped(by);
            assert_eq!(timeline.advance(reading(START + 4_000, 0)), -by);
            for received_at in [START - 1_000, START + 500, START + 3_900] {
                assert_eq!(timeline.adapt(received_at), received_at, "{by}");
            }
            assert_eq!(timeline.adapt(START + 2_000 + by), START + 2_000, "{by}");
        }
    }

    proptest! {
        #[test]
        fn nothing_lies_in_the_future_and_nothing_new_gets_older(
            steps in proptest::collection::vec((0..5_000_i64, -HOUR..HOUR), 0..30),
            received_after in -HOUR..HOUR,
            ago in 0..60_000_i64,
        ) {
            let received_at = START + received_after;
            let mut timeline = Timeline::new(reading(START, 0));
            let (mut now, mut sum) = (START, 0);
            for (after, by) in steps {
                now += after + by;
                sum += by;
                prop_assert_eq!(timeline.advance(reading(now, sum)), by);
            }
            prop_assert!(timeline.adapt(received_at) <= now);
            let after_the_last_step = now + ago;
            timeline.advance(reading(after_the_last_step, sum));
            prop_assert!(timeline.adapt(now) >= now);
            prop_assert_eq!(timeline.adapt(after_the_last_step), after_the_last_step);
        }

        #[test]
        fn times_from_before_a_step_do_not_age(
            by in prop_oneof![-HOUR..-60_000_i64, 60_000..HOUR],
            ago in 0..30_000_i64,
        ) {
            let timeline = stepped(by);
            prop_assert_eq!(timeline.now() - timeline.adapt(START + 1_500 - ago), ago);
        }
    }
}
