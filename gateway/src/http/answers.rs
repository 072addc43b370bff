//! Limits how many snapshots are being sent at once, in total and per address.

use std::net::SocketAddr;
use std::sync::Arc;

use service::client_limit::{ClientLimit, ClientPermit};
use service::{ConnectionLimit, Permit};

/// Maximum number of answers that are sent at once.
pub const MAX_ANSWERS: usize = 256;
/// Maximum number of answers to one address.
const MAX_ANSWERS_PER_ADDRESS: usize = 64;

/// Counts the answers that are being sent. Clones share the count.
#[derive(Clone)]
pub struct Answers {
    limit: ConnectionLimit,
    clients: ClientLimit,
}

impl Answers {
    /// Allows as many answers as `limit` has permits.
    pub fn new(limit: ConnectionLimit) -> Self {
        Self {
            limit,
            clients: ClientLimit::new(MAX_ANSWERS_PER_ADDRESS),
        }
    }

    /// A permit for an answer; `None` if a limit is reached.
    pub fn acquire(&self, peer: SocketAddr) -> Option<(Permit, Arc<ClientPermit>)> {
        let client = self.clients.acquire(peer);
        if client.is_none() {
            self.limit.refuse();
        }
        let client = Arc::new(client?);
        Some((self.limit.acquire()?, client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::metrics::{Counter, Gauge};

    #[test]
    fn one_address_cannot_use_all_answers() {
        let answers = Answers::new(ConnectionLimit::new(
            MAX_ANSWERS,
            Gauge::default(),
            Counter::default(),
        ));
        let [one, other] = ["203.0.113.7:1", "203.0.113.8:1"].map(|peer| peer.parse().unwrap());
        let held: Vec<_> = (0..MAX_ANSWERS).map_while(|_| answers.acquire(one)).collect();
        assert_eq!(held.len(), MAX_ANSWERS_PER_ADDRESS);
        assert!(answers.acquire(other).is_some());
        drop(held);
        assert!(answers.acquire(one).is_some());
    }
}
