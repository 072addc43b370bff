//! How many sessions may open per minute, because each may cost a lookup.

use std::num::NonZeroU32;

use protocol::Millis;

/// A minute, in µs.
const MINUTE: i64 = 60_000_000;

/// Admits a number of sessions per minute, all at once or spread over it (GCRA).
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// The time per session, in µs.
    interval: i64,
    /// Until when the sessions admitted so far use up the rate, in µs.
    used_until: i64,
}

impl Admission {
    /// Admits at most this number of sessions per minute.
    pub fn new(per_minute: NonZeroU32) -> Self {
        Self {
            interval: MINUTE / i64::from(per_minute.get()),
            used_until: 0,
        }
    }

    /// Admits one session now, if the rate allows it.
    pub fn admit(&mut self, now: Millis) -> bool {
        let admits = self.next_at() <= now;
        if admits {
            self.used_until = self.used_until.max(now * 1000) + self.interval;
        }
        admits
    }

    /// When the next session can be admitted; a time in the past means now.
    pub fn next_at(&self) -> Millis {
        let at = self.used_until + self.interval - MINUTE;
        at.div_euclid(1000) + i64::from(at.rem_euclid(1000) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits_a_minutes_worth_at_once_and_then_the_rate() {
        let mut admission = Admission::new(NonZeroU32::new(60).unwrap());
        let start = 1_000_000;
        assert_eq!((0..100).filter(|_| admission.admit(start)).count(), 60);
        assert_eq!(admission.next_at(), start + 1000);
        assert!(!admission.admit(start + 999));
        assert!(admission.admit(start + 1000));
        assert_eq!((0..100).filter(|_| admission.admit(start + 300_000)).count(), 60);
    }
}
