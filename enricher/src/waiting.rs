//! The sightings that wait for a verdict, by address; and which sessions that makes "being identified". Pure.

use std::collections::HashMap;

use protocol::guid::GuidMap;
use protocol::{Guid, Millis};

use crate::entry::Key;
use crate::lookup::Interest;
use crate::sessions::Sighting;

/// The sightings that wait for a verdict. `T` is what the caller wants to find again with each.
#[derive(Debug)]
pub struct Waiting<T> {
    by_address: HashMap<Key, Queue<T>>,
    sightings: usize,
    /// Sessions without a verdict, and until when that is believed without hearing of them again.
    unidentified: GuidMap<Millis>,
}

/// The sightings that wait for one address.
#[derive(Debug)]
struct Queue<T> {
    sightings: Vec<(Sighting, T)>,
    interest: Interest,
}

impl<T> Waiting<T> {
    /// None.
    pub fn new() -> Self {
        Self {
            by_address: HashMap::new(),
            sightings: 0,
            unidentified: GuidMap::default(),
        }
    }

    /// Adds a sighting. Tells whether it is the first that waits for its address, so that somebody must look it up.
    pub fn add(&mut self, key: Key, sighting: Sighting, ticket: T) -> bool {
        self.unidentified.insert(sighting.guid.clone(), Millis::MAX);
        self.sightings += 1;
        let queue = self.by_address.entry(key).or_insert_with(|| Queue {
            sightings: Vec::new(),
            interest: Interest::default(),
        });
        queue.sightings.push((sighting, ticket));
        queue.sightings.len() == 1
    }

    /// The sighting for which the address is looked up, and whether anybody still waits for it.
    pub fn first(&self, key: Key) -> Option<(&Sighting, Interest)> {
        let queue = self.by_address.get(&key)?;
        queue
            .sightings
            .first()
            .map(|(sighting, _)| (sighting, queue.interest.clone()))
    }

    /// Takes out those that waited for the address.
    pub fn take(&mut self, key: Key) -> Vec<(Sighting, T)> {
        let taken = self
            .by_address
            .remove(&key)
            .map(|queue| queue.sightings)
            .unwrap_or_default();
        self.sightings -= taken.len();
        taken
    }

    /// Takes out those of one session; with the last that waited for the address, the interest in it is lost.
    pub fn take_session(&mut self, key: Key, guid: &Guid) -> Vec<(Sighting, T)> {
        let Some(queue) = self.by_address.get_mut(&key) else {
            return Vec::new();
        };
        let taken: Vec<_> = queue
            .sightings
            .extract_if(.., |(sighting, _)| sighting.guid == *guid)
            .collect();
        self.sightings -= taken.len();
        if queue.sightings.is_empty() {
            queue.interest.lose();
            self.by_address.remove(&key);
        }
        taken
    }

    /// Takes out all; nobody waits for any address any longer. Their sessions are heard of again before `until`.
    pub fn take_all(&mut self, until: Millis) -> Vec<(Sighting, T)> {
        self.sightings = 0;
        for believed_until in self.unidentified.values_mut() {
            *believed_until = until.min(*believed_until);
        }
        let queues = self.by_address.drain().map(|(_, queue)| queue);
        queues
            .flat_map(|queue| {
                queue.interest.lose();
                queue.sightings
            })
            .collect()
    }

    /// The session has a verdict, or needs none any longer.
    pub fn identified(&mut self, guid: &Guid) {
        self.unidentified.remove(guid);
    }

    /// No verdict for now; the session is heard of again before `until`, here or at another enricher.
    pub fn postponed(&mut self, guid: Guid, until: Millis) {
        self.unidentified.insert(guid, until);
    }

    /// How many sessions are being identified.
    pub fn being_identified(&mut self, now: Millis) -> usize {
        self.unidentified.retain(|_, until| *until > now);
        self.unidentified.len()
    }

    /// How many sightings wait.
    pub fn len(&self) -> usize {
        self.sightings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::from_digest(&[byte; 32])
    }

    fn sighting(guid: &str) -> Sighting {
        Sighting {
            guid: Guid::new(guid).unwrap(),
            ip: "::1".into(),
            opening: true,
            at: 1,
            received_at: 1,
        }
    }

    #[test]
    fn one_lookup_for_all_that_wait_for_an_address() {
        let mut waiting = Waiting::new();
        let address = key(1);
        assert!(waiting.add(address, sighting("a"), 1));
        assert!(!waiting.add(address, sighting("b"), 2));
        assert!(waiting.add(key(2), sighting("c"), 3));
        assert_eq!(waiting.len(), 3);
        assert_eq!(waiting.first(address).unwrap().0, &sighting("a"));
        assert_eq!(waiting.take(address), [(sighting("a"), 1), (sighting("b"), 2)]);
        assert_eq!(waiting.len(), 1);
        assert!(waiting.add(address, sighting("a"), 1));
        assert_eq!(waiting.take_all(10).len(), 2);
        assert_eq!(waiting.len(), 0);
        assert_eq!(waiting.being_identified(10), 0, "not believed for ever");
    }

    #[test]
    fn the_interest_is_lost_with_the_last_that_waits() {
        let mut waiting = Waiting::new();
        let address = key(1);
        waiting.add(address, sighting("a"), 1);
        waiting.add(address, sighting("b"), 2);
        let (_, interest) = waiting.first(address).unwrap();
        assert_eq!(
            waiting.take_session(address, &sighting("a").guid),
            [(sighting("a"), 1)]
        );
        assert!(!interest.is_lost());
        assert_eq!(
            waiting.take_session(address, &sighting("b").guid),
            [(sighting("b"), 2)]
        );
        assert!(interest.is_lost());
        assert!(waiting.first(address).is_none());
    }

    #[test]
    fn a_session_counts_once_until_its_verdict() {
        let mut waiting = Waiting::new();
        let guid = Guid::new("a").unwrap();
        waiting.add(key(1), sighting("a"), 1);
        waiting.add(key(1), sighting("a"), 2);
        assert_eq!(waiting.being_identified(0), 1);
        waiting.postponed(guid.clone(), 10);
        assert_eq!(waiting.being_identified(9), 1);
        assert_eq!(waiting.being_identified(10), 0);
        waiting.postponed(guid.clone(), 20);
        waiting.identified(&guid);
        assert_eq!(waiting.being_identified(11), 0);
    }
}
