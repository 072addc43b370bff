//! The pauses between attempts.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// The longest pause between two attempts to connect to an emitter.
pub const MAX_DELAY_FOR_EMITTER: Duration = Duration::from_secs(5);

/// The longest pause for NATS, so that all processes reconnect within a second or two.
pub const MAX_DELAY_FOR_NATS: Duration = Duration::from_secs(1);

/// Growing pauses with jitter, up to a limit, until an attempt succeeds.
#[derive(Debug)]
pub struct Backoff {
    longest: Duration,
    delays: ExponentialBackoff,
}

impl Backoff {
    /// Pauses of up to [`MAX_DELAY_FOR_EMITTER`].
    #[must_use]
    pub fn for_emitter() -> Self {
        Self::up_to(MAX_DELAY_FOR_EMITTER)
    }

    /// Pauses of up to [`MAX_DELAY_FOR_NATS`].
    #[must_use]
    pub fn for_nats() -> Self {
        Self::up_to(MAX_DELAY_FOR_NATS)
    }

    fn up_to(longest: Duration) -> Self {
        // The jitter adds up to 100 %.
        let delays = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(longest / 2)
            .with_jitter()
            .without_max_times()
            .build();
        Self { longest, delays }
    }

    /// The next pause.
    pub fn next_delay(&mut self) -> Duration {
        self.delays.next().unwrap_or(self.longest).min(self.longest)
    }

    /// Starts again with the shortest pause.
    pub fn reset(&mut self) {
        *self = Self::up_to(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_up_to_the_bound_and_starts_again() {
        let mut backoff = Backoff::for_emitter();
        assert!(backoff.next_delay() <= Duration::from_millis(200));
        let delays: Vec<_> = (0..100).map(|_| backoff.next_delay()).collect();
        assert!(delays.iter().all(|delay| *delay <= MAX_DELAY_FOR_EMITTER));
        assert!(
            delays[50..]
                .iter()
                .all(|delay| *delay >= MAX_DELAY_FOR_EMITTER / 2)
        );
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(200));
    }

    #[test]
    fn nats_is_never_waited_for_longer_than_a_second() {
        let mut backoff = Backoff::for_nats();
        for _ in 0..2 {
            assert!((0..100).all(|_| backoff.next_delay() <= MAX_DELAY_FOR_NATS));
            backoff.reset();
        }
    }
}
