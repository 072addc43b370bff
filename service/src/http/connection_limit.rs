//! Limits how many of something are in use at once, and counts refusals.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::metrics::{Counter, Gauge};

/// A limit with its metrics. Clones share it.
#[derive(Clone, Debug)]
pub struct ConnectionLimit {
    permits: Arc<Semaphore>,
    in_use: Gauge,
    refused: Counter,
}

/// A permit; returned when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Permit {
    _held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    _permit: OwnedSemaphorePermit,
    in_use: Gauge,
}

impl ConnectionLimit {
    /// Allows `limit` permits. The metrics count those in use and those refused.
    #[must_use]
    pub fn new(limit: usize, in_use: Gauge, refused: Counter) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
            in_use,
            refused,
        }
    }

    /// Another limit with the same metrics.
    #[must_use]
    pub fn with_same_metrics(&self, limit: usize) -> Self {
        Self::new(limit, self.in_use.clone(), self.refused.clone())
    }

    /// Counts a refusal that has another reason than this limit.
    pub fn refuse(&self) {
        self.refused.inc();
    }

    /// A permit, unless the limit is reached.
    #[must_use]
    pub fn acquire(&self) -> Option<Permit> {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            self.refused.inc();
            return None;
        };
        self.in_use.inc();
        let in_use = self.in_use.clone();
        Some(Permit {
            _held: Arc::new(Held {
                _permit: permit,
                in_use,
            }),
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.in_use.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permit_is_returned_with_its_last_clone() {
        let (in_use, refused) = (Gauge::default(), Counter::default());
        let limit = ConnectionLimit::new(1, in_use.clone(), refused.clone());
        let permit = limit.acquire().unwrap();
        let clone = permit.clone();
        drop(permit);
        assert!(limit.acquire().is_none());
        assert_eq!((in_use.get(), refused.get()), (1, 1));
        assert!(limit.with_same_metrics(1).acquire().is_some());
        drop(clone);
        assert!(limit.acquire().is_some());
        assert_eq!(in_use.get(), 0);
    }
}
