//! Whether the queue still holds what happened a while ago, as after a time without enrichers. Many of those visitors
//! have left again, and their closing is further back in the queue; nobody need pay for them. So lookups wait until the
//! queue has been read up to now.

use std::time::Duration;

use protocol::Millis;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// A message that waited for longer than this, in ms, while others wait behind it is part of a backlog.
const BACKLOG_AGE: Millis = 1_000;

/// The longest that a lookup waits for the backlog to be read: fleets that are always behind must look up all the same.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long the other enrichers may take to publish the closings that they have just read.
const SETTLING: Duration = Duration::from_millis(100);

/// What is known of the queue.
pub struct Backlog {
    there: watch::Sender<bool>,
}

impl Backlog {
    /// None.
    pub fn new() -> Self {
        Self {
            there: watch::Sender::new(false),
        }
    }

    /// A message was taken from the queue that had waited for `age` ms, with `pending` behind it. One that was given
    /// back and comes again is old without saying anything of the queue.
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

    /// Comes back when the queue is read, at once where it is.
    pub fn is_read(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut there = self.there.subscribe();
        async move {
            if *there.borrow() {
                // A pipeline that ends while this waits has no more use for it.
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
    async fn holds_lookups_up_until_it_is_read() {
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
    async fn a_fleet_that_stays_behind_looks_up_all_the_same() {
        let backlog = Backlog::new();
        backlog.taken(BACKLOG_AGE + 1, false, 10);
        backlog.is_read().await;
        assert!(is_held_up(&backlog), "but later");
    }

    #[tokio::test]
    async fn what_comes_again_or_has_just_happened_is_no_backlog() {
        let backlog = Backlog::new();
        backlog.taken(BACKLOG_AGE + 1, true, 10);
        backlog.taken(BACKLOG_AGE, false, 10);
        assert!(!is_held_up(&backlog));
    }
}
