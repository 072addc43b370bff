//! An event that says that a session is active. Pure.

use protocol::{Activity, EventKind, Guid, Millis, Profile, Record};

/// An event that says that a session is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The session.
    pub guid: Guid,
    /// The visitor's address as the emitter spelled it.
    pub ip: Box<str>,
    /// Whether it is the opening.
    pub opening: bool,
    /// When it happened, as far as can be believed.
    pub at: Millis,
    /// When the ingestor received it.
    pub received_at: Millis,
}

impl Sighting {
    /// The kind of the event.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        if self.opening {
            EventKind::SessionOpened
        } else {
            EventKind::KeepAlive
        }
    }

    /// What it says of a session whose record is out.
    #[must_use]
    pub fn activity(&self) -> Activity {
        Activity::new(self.guid.clone(), self.at, self.received_at)
    }

    /// The record of a session of which nothing else is known.
    #[must_use]
    pub fn record(&self, profile: Profile) -> Record {
        Record {
            guid: self.guid.clone(),
            ip: self.ip.clone(),
            opened_at: self.opening.then_some(self.at),
            first_seen_at: self.at,
            last_activity_at: self.at,
            received_at: self.received_at,
            profile,
            unidentified: false,
            identified_at: None,
        }
    }
}
