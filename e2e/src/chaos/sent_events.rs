//! The sent events that still affect the view. Pure.

use std::collections::HashSet;

use protocol::Timestamp;
use simulator::emitter::SentEvent;
use simulator::event::EventKind;

use crate::times::SentAt as _;

/// The events of a run, without those of sessions that were closed long ago.
#[derive(Debug, Default)]
pub struct SentEvents {
    events: Vec<SentEvent>,
    /// Sessions that were closed long ago; their later events have no effect.
    closed: HashSet<String>,
    total: u64,
}

impl SentEvents {
    /// Adds the events that were sent next.
    pub fn add(&mut self, sent: Vec<SentEvent>) {
        self.total += sent.len() as u64;
        let closed = &self.closed;
        let matters = |event: &SentEvent| !closed.contains(&event.guid.to_lowercase());
        self.events.extend(sent.into_iter().filter(matters));
    }

    /// The events that still matter, in order.
    #[must_use]
    pub fn events(&self) -> &[SentEvent] {
        &self.events
    }

    /// How many events were sent, forgotten ones included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.total
    }

    /// Drops the events of sessions that were closed before `then`.
    pub fn forget_closed(&mut self, then: Timestamp) {
        let ended = self
            .events
            .iter()
            .filter(|event| event.kind == EventKind::SessionClosed && event.clients > 0);
        let ended = ended.filter(|event| event.sent_at() < then);
        self.closed.extend(ended.map(|event| event.guid.to_lowercase()));
        let closed = &self.closed;
        self.events
            .retain(|event| !closed.contains(&event.guid.to_lowercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, guid: &str, sent_at_ms: i64, clients: usize) -> SentEvent {
        SentEvent {
            kind,
            guid: guid.to_owned(),
            ip: "::1".to_owned(),
            timestamp_ms: Some(sent_at_ms),
            sent_at_ms,
            clients,
        }
    }

    #[test]
    fn events_of_a_session_closed_long_ago_are_dropped() {
        let mut sent = SentEvents::default();
        sent.add(vec![
            event(EventKind::SessionOpened, "a", 1, 1),
            event(EventKind::SessionClosed, "A", 2, 1),
            event(EventKind::SessionOpened, "b", 3, 1),
            event(EventKind::SessionClosed, "b", 9, 1),
        ]);
        sent.forget_closed(Timestamp::from_unix_ms(9));
        sent.add(vec![event(EventKind::KeepAlive, "a", 10, 1)]);
        let guids: Vec<_> = sent.events().iter().map(|event| event.guid.as_str()).collect();
        assert_eq!(guids, ["b", "b"]);
        assert_eq!(sent.sent(), 5);
    }

    #[test]
    fn closing_without_a_client_does_not_count() {
        let mut sent = SentEvents::default();
        sent.add(vec![event(EventKind::SessionClosed, "a", 1, 0)]);
        sent.forget_closed(Timestamp::from_unix_ms(9));
        assert_eq!(sent.events().len(), 1);
    }
}
