//! Identified sessions whose record does not fit into the stream: each waits here until others have left. Pure.
//!
//! Their raw messages stay here too, because a message that goes back to the queue brings all its other events again.

use std::collections::VecDeque;

use protocol::guid::GuidMap;
use protocol::{Guid, Timestamp};

use crate::queue::waiting_session::WaitingSession;
use crate::sighting::Sighting;

/// Maximum number of sessions that wait. Further ones wait in the queue.
const MAX_SESSIONS: usize = 100_000;

/// The sessions that wait for capacity. `T` is the caller's ticket for each sighting.
#[derive(Debug)]
pub struct AwaitingCapacity<T> {
    sessions: GuidMap<WaitingSession<T>>,
    /// The sessions in the order of their arrival. Some may have ended.
    order: VecDeque<Guid>,
}

impl<T> AwaitingCapacity<T> {
    /// Creates an empty queue.
    pub fn new() -> Self {
        Self {
            sessions: GuidMap::default(),
            order: VecDeque::new(),
        }
    }

    /// Adds a sighting. Returns the ticket of one of the same session that is no longer needed, if there is one.
    ///
    /// # Errors
    /// Returns the ticket of a new session if too many wait.
    pub fn add(&mut self, sighting: Sighting, ticket: T) -> Result<Option<T>, T> {
        if let Some(session) = self.sessions.get_mut(&sighting.guid) {
            return Ok(session.fold(sighting, ticket));
        }
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(ticket);
        }
        let guid = sighting.guid.clone();
        self.order.push_back(guid.clone());
        self.sessions.insert(guid, WaitingSession::new(sighting, ticket));
        Ok(None)
    }

    /// Removes and returns the sightings of at most this many sessions, those that have waited longest.
    pub fn take(&mut self, sessions: usize) -> Vec<(Sighting, T)> {
        let mut taken = Vec::new();
        for _ in 0..sessions.min(self.sessions.len()) {
            let next =
                std::iter::from_fn(|| self.order.pop_front()).find_map(|guid| self.sessions.remove(&guid));
            taken.extend(next.into_iter().flat_map(WaitingSession::into_sightings));
        }
        taken
    }

    /// Removes and returns the sightings of a session that has ended.
    pub fn take_session(&mut self, guid: &Guid) -> Vec<(Sighting, T)> {
        let session = self.sessions.remove(guid);
        self.forget_ended();
        session
            .into_iter()
            .flat_map(WaitingSession::into_sightings)
            .collect()
    }

    /// Removes and returns the sessions whose latest sighting is older than `deadline`.
    pub fn drain_silent(&mut self, deadline: Timestamp) -> Vec<(Sighting, T)> {
        let silent = self
            .sessions
            .extract_if(|_, session| session.received_at() < deadline);
        let silent = silent.flat_map(|(_, session)| session.into_sightings()).collect();
        self.forget_ended();
        silent
    }

    /// Removes and returns all sightings.
    pub fn take_all(&mut self) -> Vec<(Sighting, T)> {
        self.take(usize::MAX)
    }

    /// The sessions that wait.
    pub fn guids(&self) -> impl Iterator<Item = &Guid> {
        self.sessions.keys()
    }

    /// How many sessions wait.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Keeps the order from growing with sessions that have ended.
    fn forget_ended(&mut self) {
        if self.order.len() > 2 * self.sessions.len() {
            self.order.retain(|guid| self.sessions.contains_key(guid));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;

    fn sighting(guid: &str, received_at: i64) -> Sighting {
        Sighting {
            guid: Guid::new(guid).unwrap(),
            ip: "::1".into(),
            opening: received_at == 0,
            at: unix_ms(received_at),
            received_at: unix_ms(received_at),
            page: None,
            referrer: None,
        }
    }

    fn of(sightings: &[(&str, i64)]) -> AwaitingCapacity<usize> {
        let mut waiting = AwaitingCapacity::new();
        for (ticket, (guid, received_at)) in sightings.iter().enumerate() {
            waiting.add(sighting(guid, *received_at), ticket).unwrap();
        }
        waiting
    }

    fn tickets(sightings: Vec<(Sighting, usize)>) -> Vec<usize> {
        sightings.into_iter().map(|(_, ticket)| ticket).collect()
    }

    #[test]
    fn longest_waiting_session_comes_first() {
        let mut waiting = of(&[("a", 0), ("b", 0), ("c", 0), ("a", 5)]);
        assert_eq!(waiting.len(), 3);
        assert_eq!(tickets(waiting.take(2)), [0, 3, 1], "both sightings of a session");
        assert_eq!(tickets(waiting.take(2)), [2]);
        assert!(waiting.take(1).is_empty());
    }

    #[test]
    fn a_session_keeps_two_messages_however_often_it_is_sighted() {
        let mut waiting = of(&[("a", 0), ("a", 5)]);
        assert_eq!(waiting.add(sighting("a", 9), 2), Ok(Some(1)));
        assert_eq!(tickets(waiting.take_all()), [0, 2]);
    }

    #[test]
    fn closed_and_silent_sessions_do_not_wait() {
        let mut waiting = of(&[("a", 0), ("b", 3), ("c", 7)]);
        assert_eq!(tickets(waiting.take_session(&Guid::new("a").unwrap())), [0]);
        assert_eq!(tickets(waiting.drain_silent(unix_ms(5))), [1]);
        assert_eq!(tickets(waiting.take(1)), [2]);
        assert_eq!(waiting.guids().count(), 0);
    }

    #[test]
    fn order_does_not_grow_with_closed_sessions() {
        let mut waiting = of(&[]);
        for ticket in 0..100 {
            waiting.add(sighting("a", 0), ticket).unwrap();
            waiting.take_session(&Guid::new("a").unwrap());
        }
        assert!(waiting.order.len() <= 2, "{}", waiting.order.len());
    }

    #[test]
    fn further_sessions_are_refused_at_the_limit() {
        let mut waiting = AwaitingCapacity::new();
        for ticket in 0..MAX_SESSIONS {
            waiting.add(sighting(&format!("s{ticket}"), 0), ticket).unwrap();
        }
        assert_eq!(waiting.add(sighting("late", 0), 7), Err(7));
        assert_eq!(waiting.add(sighting("s3", 0), 8), Ok(Some(8)));
    }
}
