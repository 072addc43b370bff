//! Decides which record of the sessions' stream is an arrival. Pure.
//!
//! A record is published again when it is completed, when it gets old, and when gateways put back what NATS has lost. So
//! the notifier remembers every session whose message the stream holds, and only the first record with a company is an
//! arrival.

pub mod arrival;

use std::collections::HashMap;
use std::time::Duration;

use protocol::{Guid, Millis, Record, Timestamp};

/// A visit that began longer ago than this when its company became known is not announced. In ms.
const LONG_AGO: Millis = 60 * 60 * 1000;

/// If no notifier ran for less than this, visits that began in that gap are announced. In ms.
const SHORT_GAP: Millis = 5 * 60 * 1000;

/// How far the fleet had read the stream when this process started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The highest sequence up to which every message has been handled.
    pub handled: u64,
    /// When the fleet began to read this stream.
    pub since: Timestamp,
}

/// The position of a message in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its sequence.
    pub sequence: u64,
    /// When it was published, according to the server's clock.
    pub published_at: Timestamp,
    /// How long the stream keeps it.
    pub ttl: Option<Duration>,
}

impl Place {
    fn expires_at(&self) -> Timestamp {
        self.ttl.map_or(Timestamp::MAX, |ttl| self.published_at + ttl)
    }
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Its arrival was announced, or must not be.
    decided: bool,
    expires_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The messages that the stream held when the process started are being read.
    Replaying(Option<Position>),
    /// Everything that arrives is new.
    Following,
}

/// The sessions whose messages the stream holds.
#[derive(Debug)]
pub struct Visits {
    known: HashMap<Guid, Known>,
    phase: Phase,
}

impl Visits {
    /// The state of a process that has just started, in a fleet that has read up to `position`; `None` if it is the first.
    #[must_use]
    pub fn new(position: Option<Position>) -> Self {
        Self {
            known: HashMap::new(),
            phase: Phase::Replaying(position),
        }
    }

    /// All messages that the stream held at the start have been read.
    pub fn caught_up(&mut self) {
        self.phase = Phase::Following;
    }

    /// The stream has lost its messages. Those that are put back are known, unless this process had not read all of them.
    pub fn lost(&mut self) {
        if matches!(self.phase, Phase::Replaying(_)) {
            self.phase = Phase::Replaying(None);
        }
    }

    /// Applies a record, and returns whether it is an arrival.
    pub fn record(&mut self, record: &Record, place: Place, now: Timestamp) -> bool {
        let identified = record.profile.company.is_some();
        if let Some(known) = self.known.get_mut(&record.guid) {
            let arrived = identified && !known.decided;
            known.decided |= identified;
            known.expires_at = place.expires_at();
            return arrived;
        }
        let was_there = self.was_there(record, place, now);
        let known = Known {
            decided: was_there || identified,
            expires_at: place.expires_at(),
        };
        self.known.insert(record.guid.clone(), known);
        identified && !was_there
    }

    /// Applies the end of a session.
    pub fn tombstone(&mut self, guid: &Guid, place: Place) {
        let known = Known {
            decided: true,
            expires_at: place.expires_at(),
        };
        self.known.insert(guid.clone(), known);
    }

    /// Forgets what the stream has forgotten.
    pub fn forget_expired(&mut self, now: Timestamp) {
        self.known.retain(|_, known| known.expires_at > now);
    }

    fn was_there(&self, record: &Record, place: Place, now: Timestamp) -> bool {
        let known_at = record
            .shown_opened_at()
            .max(record.identified_at.unwrap_or(Timestamp::MIN));
        match self.phase {
            Phase::Following => place.published_at - known_at > LONG_AGO,
            Phase::Replaying(None) => true,
            Phase::Replaying(Some(position)) => {
                place.sequence <= position.handled
                    || record.shown_opened_at() < position.since
                    || now - record.shown_opened_at() > SHORT_GAP
            }
        }
    }
}

#[cfg(test)]
mod tests;
