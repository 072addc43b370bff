//! The pauses that failed lookups have in common, whether an enricher or the whole fleet waits. Pure.

use std::time::Duration;

/// The longest `Retry-After` that is honoured.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(10);

/// The maximum by which jitter lengthens a pause, as a share of it.
const JITTER: f64 = 0.25;

/// The pauses between attempts that are unlikely to succeed; the last one repeats.
const RARE: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(5),
];

/// The pause before the attempt with this index, from 0, if attempts are unlikely to succeed.
pub fn rare(index: u32) -> Duration {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    RARE[index.min(RARE.len() - 1)]
}

/// Lengthens a pause by up to a quarter, so that lookups that failed together spread. `jitter` is between 0 and 1.
pub fn jittered(pause: Duration, jitter: f64) -> Duration {
    pause.mul_f64(1.0 + JITTER * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_pause_repeats() {
        assert_eq!(rare(2), Duration::from_mins(5));
        assert_eq!(rare(u32::MAX), rare(2));
    }
}
