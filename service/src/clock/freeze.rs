//! Notices that the process itself was stopped for a while, as by SIGSTOP or with its virtual machine.
//!
//! After a freeze every deadline is due at once, while what would have met it still waits in a socket. Whoever judges the
//! silence of others reads first: [`Freeze::is_over`] says when there was time for that.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

/// A look that comes later than this after the one before follows a freeze; looks are at most a second apart.
const FROZEN: Duration = Duration::from_secs(3);

/// How long what waited in the sockets may take to be read.
const READING: Duration = Duration::from_secs(2);

/// How long what may wait in a socket is looked for when a deadline is due.
const LAST_READ: Duration = Duration::from_millis(100);

/// Waits for something at most so long. After a freeze, what has come in meanwhile is read before the deadline counts.
pub async fn within<T>(deadline: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    if let Ok(done) = timeout(deadline, &mut work).await {
        return Some(done);
    }
    timeout(LAST_READ, work).await.ok()
}

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

    #[tokio::test(start_paused = true)]
    async fn what_is_there_when_the_deadline_is_due_counts() {
        let deadline = Duration::from_secs(1);
        let late = tokio::time::sleep(deadline + LAST_READ / 2);
        assert_eq!(within(deadline, late).await, Some(()));
        assert_eq!(within(deadline, std::future::pending::<()>()).await, None);
    }

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
