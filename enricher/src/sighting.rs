//! An event that says that a session is active. Pure.

use std::sync::Arc;

use protocol::page::Reported;
use protocol::{Activity, EventKind, Guid, Profile, Record, SeenPage, SeenReferrer, Timestamp};

/// What an event says about when its session was active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTimes {
    /// Whether it is the opening.
    pub opening: bool,
    /// When it happened, by the emitter's clock where that is plausible.
    pub at: Timestamp,
    /// When the ingestor received it.
    pub received_at: Timestamp,
    /// When the event's referrer was reported, if it has one.
    pub referrer_at: Option<Timestamp>,
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
    pub at: Timestamp,
    /// When the ingestor received it.
    pub received_at: Timestamp,
    /// Its page, if any.
    pub page: Option<SeenPage>,
    /// Its referrer, if any.
    pub referrer: Option<SeenReferrer>,
}

/// The page of an event, seen at that time.
#[must_use]
pub fn seen_page(reported: &Reported<'_>, at: Timestamp) -> Option<SeenPage> {
    let page = reported.page.as_ref().map(|page| Arc::new(page.to_page()));
    page.map(|page| SeenPage { at, page })
}

/// The referrer of an event, reported at that time.
#[must_use]
pub fn seen_referrer(reported: &Reported<'_>, at: Timestamp) -> Option<SeenReferrer> {
    let url = reported.referrer.as_deref().map(Arc::from);
    url.map(|url| SeenReferrer { at, url })
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
    pub fn times(&self) -> EventTimes {
        EventTimes {
            opening: self.opening,
            at: self.at,
            received_at: self.received_at,
            referrer_at: self.referrer.as_ref().map(|referrer| referrer.at),
        }
    }

    /// The activity to publish, for a session with a record.
    #[must_use]
    pub fn activity(&self) -> Activity {
        Activity {
            guid: self.guid.clone(),
            at: self.at,
            received_at: self.received_at,
            page: self.page.clone(),
        }
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
            page: self.page.clone(),
            referrer: self.referrer.clone(),
        }
    }
}
