//! Detects that the process was stopped for a while, by SIGSTOP or with its virtual machine.
//!
//! After a freeze every deadline is due at once, while the data that would have met it waits in a socket. Code that acts
//! on missing data must read first: [`Freeze::is_over`] returns true once there was time for that.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

/// Two calls further apart than this mean a freeze; otherwise calls are at most a second apart.
const FROZEN: Duration = Duration::from_secs(3);

/// How long reading the data in the sockets may take.
const READING: Duration = Duration::from_secs(2);

/// How long a socket is read when a deadline is due.
const LAST_READ: Duration = Duration::from_millis(100);

/// Waits with a timeout. After a freeze, data that has arrived is read before the timeout counts.
pub async fn within<T>(deadline: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    if let Ok(done) = timeout(deadline, &mut work).await {
        return Some(done);
    }
    timeout(LAST_READ, work).await.ok()
}

/// Whether the process has read the data that arrived while it was stopped.
#[derive(Debug)]
pub struct Freeze {
    looked_at: Instant,
    reading_until: Instant,
}

impl Freeze {
    /// Starts without a freeze.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            looked_at: now,
            reading_until: now,
        }
    }

    /// Whether deadlines of others may be judged now. Must be called about once a second.
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
    async fn data_that_waits_when_the_deadline_is_due_counts() {
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
