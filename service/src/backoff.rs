//! How long to wait before the next attempt.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// The longest wait.
pub const MAX_DELAY: Duration = Duration::from_secs(5);

/// Ever longer waits with jitter, up to [`MAX_DELAY`], until something went well.
#[derive(Debug)]
pub struct Backoff {
    delays: ExponentialBackoff,
}

impl Backoff {
    /// At the beginning.
    #[must_use]
    pub fn new() -> Self {
        // The jitter adds up to as much again.
        let delays = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(MAX_DELAY / 2)
            .with_jitter()
            .without_max_times()
            .build();
        Self { delays }
    }

    /// The next wait.
    pub fn next_delay(&mut self) -> Duration {
        self.delays.next().unwrap_or(MAX_DELAY).min(MAX_DELAY)
    }

    /// Back to the beginning.
    pub fn reset(&mut self) {
        *self = Self::new();
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_up_to_the_bound_and_starts_again() {
        let mut backoff = Backoff::new();
        assert!(backoff.next_delay() <= Duration::from_millis(200));
        let delays: Vec<_> = (0..100).map(|_| backoff.next_delay()).collect();
        assert!(delays.iter().all(|delay| *delay <= MAX_DELAY));
        assert!(delays[50..].iter().all(|delay| *delay >= MAX_DELAY / 2));
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(200));
    }
}
