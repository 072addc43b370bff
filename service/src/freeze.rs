//! Notices that the process itself was stopped for a while, as by SIGSTOP or with its virtual machine. Pure.
//!
//! After a freeze every deadline is due at once, while what would have met it still waits in a socket. Whoever judges the
//! silence of others reads first: [`Freeze::is_over`] says when there was time for that.

use std::time::Duration;

use tokio::time::Instant;

/// A look that comes later than this after the one before follows a freeze; looks are at most a second apart.
const FROZEN: Duration = Duration::from_secs(3);

/// How long what waited in the sockets may take to be read.
const READING: Duration = Duration::from_secs(2);

/// Whether the process has read what came in while it was stopped.
#[derive(Debug)]
pub struct Freeze {
    looked_at: Instant,
    reading_until: Instant,
}

impl Freeze {
    /// None so far.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            looked_at: now,
            reading_until: now,
        }
    }

    /// Whether deadlines that others had to meet may be judged now. Must be asked about once a second.
    pub fn is_over(&mut self, now: Instant) -> bool {
        if now - self.looked_at > FROZEN {
            self.reading_until = now + READING;
        }
        self.looked_at = now;
        now >= self.reading_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_freeze_nobody_is_judged_before_all_is_read() {
        let start = Instant::now();
        let mut freeze = Freeze::new(start);
        let mut is_over_after = |seconds| freeze.is_over(start + Duration::from_secs(seconds));
        assert!(is_over_after(1) && is_over_after(2));
        assert!(!is_over_after(60));
        assert!(!is_over_after(61));
        assert!(is_over_after(62) && is_over_after(63));
    }
}
