//! Measures how long all threads together make and send frames.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The time spent since it was last taken. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FrameCost(Arc<AtomicU64>);

impl FrameCost {
    /// Adds the time since `started`.
    pub fn since(&self, started: Instant) {
        let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Waits for `sending`. Adds the time that it takes on this thread, without the time that it waits.
    pub async fn of<T>(&self, mut sending: Pin<&mut impl Future<Output = T>>) -> T {
        poll_fn(|context| {
            let started = Instant::now();
            let polled = sending.as_mut().poll(context);
            self.since(started);
            polled
        })
        .await
    }

    /// The time spent since the last call.
    pub fn take(&self) -> Duration {
        Duration::from_nanos(self.0.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[tokio::test]
    async fn waiting_costs_nothing() {
        const WAITING: Duration = Duration::from_millis(200);
        let cost = FrameCost::default();
        let started = Instant::now();
        let sending = pin!(tokio::time::sleep(WAITING));
        cost.of(sending).await;
        let spent = cost.take();
        assert!(spent > Duration::ZERO && spent < WAITING / 2, "{spent:?}");
        cost.since(started);
        assert!(cost.take() >= WAITING);
        assert_eq!(cost.take(), Duration::ZERO);
    }
}
