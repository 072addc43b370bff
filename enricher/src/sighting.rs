//! An event that says that a session is active. Pure.

use protocol::{Activity, EventKind, Guid, Millis, Profile, Record};

/// What an event says about when its session was active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTimes {
    /// Whether it is the opening.
    pub opening: bool,
    /// When it happened, by the emitter's clock where that is plausible.
    pub at: Millis,
    /// When the ingestor received it.
    pub received_at: Millis,
}

/// An event that says that a session is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The session.
    pub guid: Guid,
    /// The visitor's address as the emitter spelled it.
    pub ip: Box<str>,
    /// Whether it is the opening.
    pub opening: bool,
    /// When it happened, by the emitter's clock where that is plausible.
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

    /// When it happened.
    #[must_use]
    pub const fn times(&self) -> EventTimes {
        EventTimes {
            opening: self.opening,
            at: self.at,
            received_at: self.received_at,
        }
    }

    /// The activity to publish, for a session with a record.
    #[must_use]
    pub fn activity(&self) -> Activity {
        Activity::new(self.guid.clone(), self.at, self.received_at)
    }

    /// The record of a session about which nothing else is known.
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
