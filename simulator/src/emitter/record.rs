//! Records the events that an emitter has sent.

use std::ops::AddAssign;

use serde::Serialize;

use crate::event::{Event, EventKind};

/// An event that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentEvent {
    /// The kind of event.
    pub kind: EventKind,
    /// The session, as spelled.
    pub guid: String,
    /// The visitor's address, as spelled.
    pub ip: String,
    /// The timestamp in milliseconds since the epoch; `None` if it was invalid.
    pub timestamp_ms: Option<i64>,
    /// When it was sent, in milliseconds since the epoch.
    pub sent_at_ms: i64,
    /// The number of clients. An event without clients is lost.
    pub clients: usize,
}

impl SentEvent {
    pub(super) fn new(event: &Event, sent_at_ms: i64, clients: usize) -> Self {
        Self {
            kind: event.kind,
            guid: event.guid.clone(),
            ip: event.ip.clone(),
            timestamp_ms: event.timestamp_ms(),
            sent_at_ms,
            clients,
        }
    }
}

/// Frames by content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    /// Opened events.
    pub session_opened: u64,
    /// Keep-alives.
    pub keep_alive: u64,
    /// Closed events.
    pub session_closed: u64,
    /// Frames that are not events.
    pub other: u64,
}

impl Tally {
    /// One frame that is not an event.
    pub(crate) fn other() -> Self {
        Self {
            other: 1,
            ..Self::default()
        }
    }

    /// Counts an event.
    pub(crate) fn count(&mut self, kind: EventKind) {
        match kind {
            EventKind::SessionOpened => self.session_opened += 1,
            EventKind::KeepAlive => self.keep_alive += 1,
            EventKind::SessionClosed => self.session_closed += 1,
        }
    }

    /// All events, without other frames.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.session_opened + self.keep_alive + self.session_closed
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.session_opened += other.session_opened;
        self.keep_alive += other.keep_alive;
        self.session_closed += other.session_closed;
        self.other += other.other;
    }
}

/// The counts of an emitter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EmitterStats {
    /// Clients connected now.
    pub clients: usize,
    /// Clients that ever connected.
    pub connections: u64,
    /// Clients disconnected because they read too slowly.
    pub too_slow: u64,
    /// Frames sent, each counted once however many clients it went to.
    pub frames: Tally,
}
