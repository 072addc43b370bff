//! The number of events that are due at a time.

use std::time::Duration;

/// A rate of events. The number of due events is computed from the time since the start, so errors do not add up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    per_second: f64,
}

impl Pace {
    pub(super) fn new(per_second: f64) -> Self {
        Self { per_second }
    }

    /// The number of events that must have been sent after this time.
    pub(super) fn due(self, elapsed: Duration) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast from float saturates"
        )]
        let due = (elapsed.as_secs_f64() * self.per_second) as u64;
        due
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn exact_after_any_time(per_second in 1_u32..1_000_000, millis in 0_u64..100_000_000) {
            let due = Pace::new(per_second.into()).due(Duration::from_millis(millis));
            let exact = u64::from(per_second) * millis / 1_000;
            prop_assert!(due.abs_diff(exact) <= 1, "{} instead of {}", due, exact);
        }
    }

    #[test]
    fn senseless_rates_send_nothing() {
        for rate in [0.0, -1.0, f64::NAN] {
            assert_eq!(Pace::new(rate).due(Duration::from_secs(1)), 0);
        }
    }
}
