//! Limits the answers with a snapshot that are being sent at once, in all and per address.

use std::net::SocketAddr;
use std::sync::Arc;

use service::client_limit::{ClientLimit, ClientPermit};
use service::{Place, Room};

/// The most answers that are being sent at once.
pub const MAX_ANSWERS: usize = 256;
/// The most of them to one address.
const MAX_ANSWERS_PER_ADDRESS: usize = 64;

/// Counts the answers that are being sent. Clones share the count.
#[derive(Clone)]
pub struct Answers {
    room: Room,
    clients: ClientLimit,
}

impl Answers {
    /// Allows as many answers as `room` has places.
    pub fn new(room: Room) -> Self {
        Self {
            room,
            clients: ClientLimit::new(MAX_ANSWERS_PER_ADDRESS),
        }
    }

    /// Reserves a place for an answer; `None` if the limit is reached.
    pub fn begin(&self, peer: SocketAddr) -> Option<(Place, Arc<ClientPermit>)> {
        let client = self.clients.acquire(peer);
        if client.is_none() {
            self.room.refuse();
        }
        let client = Arc::new(client?);
        Some((self.room.enter()?, client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::metrics::{Counter, Gauge};

    #[test]
    fn one_address_does_not_take_every_answer() {
        let answers = Answers::new(Room::new(MAX_ANSWERS, Gauge::default(), Counter::default()));
        let [one, other] = ["203.0.113.7:1", "203.0.113.8:1"].map(|peer| peer.parse().unwrap());
        let held: Vec<_> = (0..MAX_ANSWERS).map_while(|_| answers.begin(one)).collect();
        assert_eq!(held.len(), MAX_ANSWERS_PER_ADDRESS);
        assert!(answers.begin(other).is_some());
        drop(held);
        assert!(answers.begin(one).is_some());
    }
}
