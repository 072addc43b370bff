//! When leases may be taken: not while the bucket may lack what another enricher has paid for or is paying for.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// How long no call begins after the bucket was lost: each enricher needs this long to reconnect and to put back what it
/// knows.
pub const RESTORE_TIME: Duration = Duration::from_secs(3);

/// How long a lookup waits for the gate. It is longer than [`RESTORE_TIME`].
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// The gate. Clones share it.
#[derive(Clone)]
pub struct ClaimGate(Arc<watch::Sender<Option<Opening>>>);

/// When it opens, and for which epoch of the connection.
#[derive(Clone, Copy)]
struct Opening {
    epoch: u64,
    at: Instant,
}

impl ClaimGate {
    /// A gate that is closed.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Opens it after that delay, for a connection to the bucket.
    pub fn open(&self, epoch: u64, delay: Duration) {
        let at = Instant::now() + delay;
        self.0.send_replace(Some(Opening { epoch, at }));
    }

    /// Closes it.
    pub fn close(&self) {
        self.0.send_replace(None);
    }

    /// The epoch for which it is open.
    pub fn epoch(&self) -> Option<u64> {
        let opening = (*self.0.borrow())?;
        (opening.at <= Instant::now()).then_some(opening.epoch)
    }

    /// Whether it has been open for that long.
    pub fn is_open_for(&self, period: Duration) -> bool {
        self.0
            .borrow()
            .is_some_and(|opening| opening.at + period <= Instant::now())
    }

    /// Waits until it is open, but not for long, because a process that stops waits for its lookups. Returns whether it is.
    pub async fn opened(&self) -> bool {
        let mut openings = self.0.subscribe();
        let opened = async {
            while self.epoch().is_none() {
                let opening = *openings.borrow_and_update();
                let at = opening.map(|opening| opening.at);
                tokio::select! {
                    changed = openings.changed() => if changed.is_err() { return },
                    () = sleep_until(at.unwrap_or_else(Instant::now)), if at.is_some() => {}
                }
            }
        };
        timeout(WAIT_TIMEOUT, opened).await.is_ok() && self.epoch().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn opens_only_after_the_delay() {
        let gate = ClaimGate::new();
        gate.open(1, RESTORE_TIME);
        assert_eq!(gate.epoch(), None);
        let began = Instant::now();
        assert!(gate.opened().await);
        assert_eq!((gate.epoch(), began.elapsed()), (Some(1), RESTORE_TIME));
        assert!(!gate.is_open_for(RESTORE_TIME));
        sleep(RESTORE_TIME).await;
        assert!(gate.is_open_for(RESTORE_TIME));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_does_not_wait_for_long() {
        let gate = ClaimGate::new();
        assert!(!gate.opened().await);
    }

    #[tokio::test(start_paused = true)]
    async fn closes_again_while_a_lookup_waits() {
        let gate = ClaimGate::new();
        gate.open(1, RESTORE_TIME);
        let (opened, ()) = tokio::join!(gate.opened(), async {
            tokio::task::yield_now().await;
            gate.close();
        });
        assert!(!opened);
    }
}
