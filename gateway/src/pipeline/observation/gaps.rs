//! Times that do not count towards staleness, because no ingestor read the emitter. Pure.

use protocol::{Millis, Timestamp};

/// A time during which no ingestor read the emitter.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, which is observed again.
    pub to: Timestamp,
}

impl Unobserved {
    #[cfg(test)]
    fn contains(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// The latest gaps in the observation, the earliest first; they do not overlap.
#[derive(Debug, Default)]
pub struct Gaps(Vec<Unobserved>);

impl Gaps {
    /// Adds a gap, which is later than the others.
    pub fn add(&mut self, gap: Unobserved) {
        let Unobserved { from, to } = gap;
        let from = self.0.last().map_or(from, |last| from.max(last.to));
        if from < to {
            self.0.push(Unobserved { from, to });
        }
    }

    /// The time by which a session goes stale `stale_after` after its last event, when only observed time counts.
    pub fn clock(&self, now: Timestamp, stale_after: Millis) -> Timestamp {
        self.stale_before(now, stale_after) + stale_after
    }

    /// Forgets gaps that no longer matter: sessions that were silent before them are stale.
    pub fn forget(&mut self, stale_after: Millis, now: Timestamp) {
        let stale_before = self.stale_before(now, stale_after);
        self.0.retain(|gap| gap.to > stale_before);
    }

    /// Shifts all times by a step of the server's clock.
    pub fn shift(&mut self, by: Millis) {
        for gap in &mut self.0 {
            gap.from += by;
            gap.to += by;
        }
    }

    /// The time since which `stale_after` has been observed until `now`.
    fn stale_before(&self, now: Timestamp, stale_after: Millis) -> Timestamp {
        let (mut until, mut left) = (now, stale_after);
        for Unobserved { from, to } in self.0.iter().rev().copied() {
            let observed = (until - to).max(0);
            if observed >= left {
                break;
            }
            left -= observed;
            until = until.min(from);
        }
        until - left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STALE_AFTER: Millis = 60;

    /// How much of the time from `at` to `now` was observed, counted one by one.
    fn observed(gaps: &Gaps, at: Timestamp, now: Timestamp) -> Millis {
        let in_gap = |ms: &Millis| gaps.0.iter().any(|gap| gap.contains(at + *ms));
        Millis::try_from((0..now - at).filter(|ms| !in_gap(ms)).count()).unwrap()
    }

    proptest! {
        #[test]
        fn only_observed_silence_makes_a_session_stale(
            lengths in proptest::collection::vec((0..80i64, 1..200i64), 0..5),
            later in 0..200i64,
            ago in 1..900i64,
        ) {
            let (mut gaps, mut now) = (Gaps::default(), Timestamp::default());
            for (observed, gap) in lengths {
                let from = now + observed;
                now = from + gap;
                gaps.add(Unobserved { from, to: now });
            }
            now += later;
            let at = now - ago;
            // No event is received in a gap.
            prop_assume!(!gaps.0.iter().any(|gap| gap.contains(at)));
            let is_stale = observed(&gaps, at, now) > STALE_AFTER;
            prop_assert_eq!(gaps.clock(now, STALE_AFTER) - at > STALE_AFTER, is_stale);
            gaps.forget(STALE_AFTER, now);
            prop_assert_eq!(gaps.clock(now, STALE_AFTER) - at > STALE_AFTER, is_stale);
        }

        #[test]
        fn the_clock_never_runs_back(
            gap in (0..100i64, 0..100i64), steps in proptest::collection::vec(0..40i64, 0..20)
        ) {
            let mut gaps = Gaps::default();
            let from = Timestamp::from_unix_ms(gap.0);
            let to = from + gap.1;
            gaps.add(Unobserved { from, to });
            let (mut now, mut before) = (to, Timestamp::MIN);
            for step in steps {
                now += step;
                let clock = gaps.clock(now, STALE_AFTER);
                prop_assert!(clock >= before && clock <= now);
                before = clock;
                gaps.forget(STALE_AFTER, now);
                prop_assert_eq!(gaps.clock(now, STALE_AFTER), clock);
            }
            prop_assert!(now < to + STALE_AFTER || gaps.clock(now, STALE_AFTER) == now);
        }
    }
}
