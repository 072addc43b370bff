//! Detects a backlog in the queue, as after an outage of all enrichers. Many visitors in a backlog have left again,
//! and their closing is further back in the queue. Lookups wait until the queue has been read, so that nobody pays for
//! them.

use std::time::Duration;

use protocol::Millis;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// A message that waited longer than this, in ms, with others behind it, belongs to a backlog.
const BACKLOG_AGE: Millis = 1_000;

/// How long a lookup waits at most for the backlog to be read. A fleet that is always behind must still look up
/// addresses.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long to wait for the other enrichers to publish the closings that they have just read.
const SETTLING: Duration = Duration::from_millis(100);

/// Whether the queue has a backlog.
pub struct Backlog {
    there: watch::Sender<bool>,
}

impl Backlog {
    pub fn new() -> Self {
        Self {
            there: watch::Sender::new(false),
        }
    }

    /// A message was taken from the queue. It had waited for `age` ms, and `pending` messages are behind it. A
    /// redelivered message (`again`) says nothing about the age of the queue.
    pub fn taken(&self, age: Millis, again: bool, pending: u64) {
        let there = if pending == 0 {
            false
        } else if again {
            return;
        } else {
            age > BACKLOG_AGE
        };
        self.there
            .send_if_modified(|before| std::mem::replace(before, there) != there);
    }

    /// Completes once the backlog is read, immediately if there is none.
    pub fn is_read(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut there = self.there.subscribe();
        async move {
            if *there.borrow() {
                // An error means that the pipeline has ended.
                drop(timeout(LONGEST_WAIT, there.wait_for(|there| !there)).await);
                sleep(SETTLING).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn is_held_up(backlog: &Backlog) -> bool {
        backlog.is_read().now_or_never().is_none()
    }

    #[tokio::test(start_paused = true)]
    async fn lookups_wait_until_it_is_read() {
        let backlog = Backlog::new();
        assert!(!is_held_up(&backlog));
        backlog.taken(BACKLOG_AGE + 1, false, 10);
        assert!(is_held_up(&backlog));
        let waiting = backlog.is_read();
        backlog.taken(BACKLOG_AGE + 1, false, 0);
        waiting.await;
        assert!(!is_held_up(&backlog), "the last that waited is no backlog");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_only_for_a_bounded_time() {
        let backlog = Backlog::new();
        backlog.taken(BACKLOG_AGE + 1, false, 10);
        backlog.is_read().await;
        assert!(is_held_up(&backlog), "but later");
    }

    #[tokio::test]
    async fn redelivered_and_recent_messages_are_no_backlog() {
        let backlog = Backlog::new();
        backlog.taken(BACKLOG_AGE + 1, true, 10);
        backlog.taken(BACKLOG_AGE, false, 10);
        assert!(!is_held_up(&backlog));
    }
}
