//! What was sent, as far as it still matters. Pure.

use std::collections::HashSet;

use protocol::Millis;
use simulator::emitter::SentEvent;
use simulator::event::EventKind;

/// The events of a run that lasts too long to keep them all.
#[derive(Debug, Default)]
pub struct SentEvents {
    events: Vec<SentEvent>,
    /// Sessions that were closed long ago; their later events change nothing.
    closed: HashSet<String>,
    heard_of: u64,
}

impl SentEvents {
    /// Takes over what was sent next.
    pub fn add(&mut self, sent: Vec<SentEvent>) {
        self.heard_of += sent.len() as u64;
        let closed = &self.closed;
        let matters = |event: &SentEvent| !closed.contains(&event.guid.to_lowercase());
        self.events.extend(sent.into_iter().filter(matters));
    }

    /// What matters of it, in order.
    #[must_use]
    pub fn events(&self) -> &[SentEvent] {
        &self.events
    }

    /// How many events were sent, forgotten ones included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.heard_of
    }

    /// Remembers only that they were closed of the sessions that were before `then`.
    pub fn forget_closed(&mut self, then: Millis) {
        let ended = self
            .events
            .iter()
            .filter(|event| event.kind == EventKind::SessionClosed && event.clients > 0);
        let ended = ended.filter(|event| event.sent_at_ms < then);
        self.closed.extend(ended.map(|event| event.guid.to_lowercase()));
        let closed = &self.closed;
        self.events
            .retain(|event| !closed.contains(&event.guid.to_lowercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, guid: &str, sent_at_ms: Millis, clients: usize) -> SentEvent {
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
    fn of_a_session_closed_long_ago_nothing_matters() {
        let mut chronicle = SentEvents::default();
        chronicle.add(vec![
            event(EventKind::SessionOpened, "a", 1, 1),
            event(EventKind::SessionClosed, "A", 2, 1),
            event(EventKind::SessionOpened, "b", 3, 1),
            event(EventKind::SessionClosed, "b", 9, 1),
        ]);
        chronicle.forget_closed(9);
        chronicle.add(vec![event(EventKind::KeepAlive, "a", 10, 1)]);
        let guids: Vec<_> = chronicle
            .events()
            .iter()
            .map(|event| event.guid.as_str())
            .collect();
        assert_eq!(guids, ["b", "b"]);
        assert_eq!(chronicle.sent(), 5);
    }

    #[test]
    fn a_closing_that_went_to_nobody_is_none() {
        let mut chronicle = SentEvents::default();
        chronicle.add(vec![event(EventKind::SessionClosed, "a", 1, 0)]);
        chronicle.forget_closed(9);
        assert_eq!(chronicle.events().len(), 1);
    }
}
