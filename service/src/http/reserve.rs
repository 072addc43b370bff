//! Connections beyond the limits, kept for a moment so that health and metrics are always served.
//!
//! At the reserve's own limit, the oldest connection is closed. So a client that sends its request at once is answered, however many
//! connections are idle.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The connections of the reserve. Clones share them.
#[derive(Clone, Debug)]
pub struct Reserve {
    limit: usize,
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
}

#[derive(Debug)]
struct Waiting {
    id: u64,
    closed: CancellationToken,
}

/// A connection of the reserve; it leaves when dropped.
#[derive(Debug)]
pub struct Reserved {
    id: u64,
    closed: CancellationToken,
    reserve: Reserve,
}

impl Reserve {
    /// Keeps `limit` connections.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            waiting: Arc::default(),
        }
    }

    /// Adds a connection. Closes the oldest if the limit is reached.
    pub fn enter(&self) -> Reserved {
        let mut waiting = self.waiting();
        if waiting.len() >= self.limit
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.closed.cancel();
        }
        let id = waiting.back().map_or(0, |newest| newest.id + 1);
        let closed = CancellationToken::new();
        waiting.push_back(Waiting {
            id,
            closed: closed.clone(),
        });
        Reserved {
            id,
            closed,
            reserve: self.clone(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reserved {
    /// Returns when the connection must close in favour of a newer one.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut waiting = self.reserve.waiting();
        // Sorted by id; the numbers start again once the reserve is empty.
        if let Ok(place) = waiting.binary_search_by_key(&self.id, |waiting| waiting.id)
            && !self.closed.is_cancelled()
        {
            waiting.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_for_the_newest() {
        let reserve = Reserve::new(2);
        let [oldest, older, newest] = [(); 3].map(|()| reserve.enter());
        assert!(oldest.closed.is_cancelled());
        assert!(!older.closed.is_cancelled() && !newest.closed.is_cancelled());
        drop((oldest, newest));
        let next = reserve.enter();
        assert!(!older.closed.is_cancelled() && !next.closed.is_cancelled());
        drop((older, next));
        assert!(reserve.waiting().is_empty());
    }
}
