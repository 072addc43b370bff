//! The events of one visitor.

use protocol::Millis;
use service::clock;
use simulator::event::{Event, EventKind};

/// A session and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The session.
    pub guid: String,
    /// The visitor's address.
    pub ip: String,
}

impl Visitor {
    /// A new session from that address.
    #[must_use]
    pub fn from(ip: &str) -> Self {
        Self {
            guid: uuid::Builder::from_random_bytes(rand::random())
                .into_uuid()
                .to_string(),
            ip: ip.to_owned(),
        }
    }

    /// The opened event, `ago` milliseconds in the past.
    #[must_use]
    pub fn opened(&self, ago: Millis) -> Event {
        self.event(EventKind::SessionOpened, ago)
    }

    /// A keep-alive, `ago` milliseconds in the past.
    #[must_use]
    pub fn keep_alive(&self, ago: Millis) -> Event {
        self.event(EventKind::KeepAlive, ago)
    }

    /// The closed event, `ago` milliseconds in the past.
    #[must_use]
    pub fn closed(&self, ago: Millis) -> Event {
        self.event(EventKind::SessionClosed, ago)
    }

    fn event(&self, kind: EventKind, ago: Millis) -> Event {
        Event::at(kind, &self.guid, &self.ip, (clock::now() - ago).unix_ms())
    }
}
