//! What this enricher knows about each session's record, and what to do about an event of the session. Pure.

use std::time::Duration;

use protocol::guid::GuidMap;
use protocol::stream::{RECORD_TTL, REMEMBER_CLOSINGS, renew_after, tombstone_ttl};
use protocol::time::millis;
use protocol::{Guid, Millis, Record, Timestamp, Tombstone};

use crate::sighting::{EventTimes, Sighting};

/// A session without an event for this long is forgotten, in ms: well before its record expires as stale.
const FORGET_AFTER: Millis = 5 * 60 * 1000;

/// How often idle sessions are forgotten, in ms, because that takes a pass over all sessions.
const SWEEP_EVERY: Millis = FORGET_AFTER / 10;

/// A record is published again once it has used up half of its TTL, in ms.
const RECORD_HALF_LIFE: Millis = millis(RECORD_TTL) / 2;

/// An instant before every deadline.
const LONG_AGO: Millis = Millis::MIN / 2;

/// What a published record says about the opening, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The opened time, if known.
    pub opened_at: Option<Timestamp>,
    /// The time of the earliest event in it.
    pub first_seen_at: Timestamp,
    /// When it was published, in ms of uptime.
    pub published_at: Millis,
    /// Whether it was published before the visitor could be identified.
    pub unidentified: bool,
    /// When its referrer was reported, if it has one.
    pub referrer_at: Option<Timestamp>,
}

impl Published {
    /// The summary of `record`, which was published at that time.
    #[must_use]
    pub fn of(record: &Record, published_at: Millis) -> Self {
        Self {
            opened_at: record.opened_at,
            first_seen_at: record.first_seen_at,
            published_at,
            unidentified: record.unidentified,
            referrer_at: record.referrer.as_ref().map(|referrer| referrer.at),
        }
    }

    /// Whether the record must be written again: the event knows the opening or the referrer better, or the record is
    /// getting old.
    fn needs(&self, event: EventTimes, now: Millis) -> bool {
        let better = match self.opened_at {
            Some(opened_at) => event.opening && event.at < opened_at,
            None => event.opening || event.at < self.first_seen_at,
        };
        let has_better_referrer = event
            .referrer_at
            .is_some_and(|at| self.referrer_at.is_none_or(|known| at < known));
        better || has_better_referrer || now - self.published_at > RECORD_HALF_LIFE
    }
}

/// The action for an event of an active session.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing is known about the session: find out who it is.
    Identify,
    /// Publish its activity.
    Touch,
    /// Publish its activity, and find out who it is: its record does not say so yet.
    TouchAndIdentify,
    /// Add to the record what the event knows. The session counts as being published from now on.
    Update,
    /// The session is closed: publish its tombstone again.
    Renew(Tombstone),
    /// The session is closed, and its tombstone is recent.
    Ignore,
    /// The session is never shown.
    Hide,
    /// The session's record is being published: keep the event with [`Sessions::defer`] until that has ended.
    Defer,
}

/// What is known about a session.
#[derive(Debug)]
enum State {
    Publishing,
    Published(Published),
    Closed {
        tombstone: Tombstone,
        renewed_at: Millis,
    },
    /// Like a record's, the verdict on a session holds as long as the session.
    Hidden,
}

#[derive(Debug)]
struct Session {
    state: State,
    last_event_at: Millis,
}

/// How the publication of a record ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// A record that says this is in the stream.
    Published(Published),
    /// The session was closed before, by a tombstone that was published then.
    Closed(Tombstone, Millis),
    /// No record is in the stream.
    Missing,
    /// No record is in the stream, and there must be none: the session is never shown.
    Hidden,
}

/// The sessions that had an event recently. `T` is the caller's ticket for a deferred event.
#[derive(Debug)]
pub struct Sessions<T> {
    by_guid: GuidMap<Session>,
    /// Events of sessions that are being published.
    deferred: GuidMap<Vec<(Sighting, T)>>,
    swept_at: Millis,
    /// How long a tombstone that is written now is kept.
    tombstone_ttl: Duration,
}

impl<T> Default for Sessions<T> {
    fn default() -> Self {
        Self {
            by_guid: GuidMap::default(),
            deferred: GuidMap::default(),
            swept_at: 0,
            tombstone_ttl: tombstone_ttl(REMEMBER_CLOSINGS),
        }
    }
}

impl<T> Sessions<T> {
    /// Sets how long tombstones are kept from now on.
    pub fn set_tombstone_ttl(&mut self, ttl: Duration) {
        self.tombstone_ttl = ttl;
    }

    /// What to do about an event of a session.
    pub fn decide(&mut self, guid: &Guid, event: EventTimes, now: Millis) -> Action {
        let Some(session) = self.by_guid.get_mut(guid) else {
            return Action::Identify;
        };
        session.last_event_at = now;
        match &mut session.state {
            State::Publishing => Action::Defer,
            State::Published(published) if published.needs(event, now) => {
                session.state = State::Publishing;
                Action::Update
            }
            State::Published(published) if published.unidentified => Action::TouchAndIdentify,
            State::Published(_) => Action::Touch,
            State::Closed {
                tombstone,
                renewed_at,
            } if now - *renewed_at > millis(renew_after(self.tombstone_ttl)) => {
                *renewed_at = now;
                tombstone.ttl = self.tombstone_ttl;
                tombstone.received_at = tombstone.received_at.max(event.received_at);
                Action::Renew(tombstone.clone())
            }
            State::Closed { .. } => Action::Ignore,
            State::Hidden => Action::Hide,
        }
    }

    /// Keeps an event whose session is being published; [`Sessions::end_publish`] or [`Sessions::close`] returns it.
    pub fn defer(&mut self, sighting: Sighting, ticket: T) {
        let deferred = self.deferred.entry(sighting.guid.clone()).or_default();
        deferred.push((sighting, ticket));
    }

    /// The session's record is being published.
    pub fn begin_publish(&mut self, guid: &Guid, now: Millis) {
        self.set(guid.clone(), State::Publishing, now);
    }

    /// The publication has ended. Returns the events that were deferred until then.
    pub fn end_publish(&mut self, guid: &Guid, outcome: PublishOutcome) -> Vec<(Sighting, T)> {
        let Some(session) = self.by_guid.get_mut(guid) else {
            return Vec::new();
        };
        if !matches!(session.state, State::Publishing) {
            return Vec::new();
        }
        match outcome {
            PublishOutcome::Published(published) => session.state = State::Published(published),
            PublishOutcome::Closed(tombstone, published_at) => {
                session.state = State::Closed {
                    tombstone,
                    renewed_at: published_at,
                };
            }
            PublishOutcome::Missing => {
                self.by_guid.remove(guid);
            }
            PublishOutcome::Hidden => session.state = State::Hidden,
        }
        self.take_deferred(guid)
    }

    /// The session is closed, whatever was known about it. Returns the events that were deferred.
    pub fn close(&mut self, tombstone: Tombstone, now: Millis) -> Vec<(Sighting, T)> {
        let guid = tombstone.guid.clone();
        let deferred = self.take_deferred(&guid);
        let renewed_at = now;
        self.set(
            guid,
            State::Closed {
                tombstone,
                renewed_at,
            },
            now,
        );
        deferred
    }

    /// Forgets the sessions that have had no event for long, at most once per [`SWEEP_EVERY`]. Returns whether it has
    /// looked.
    pub fn forget_idle(&mut self, now: Millis) -> bool {
        if now - self.swept_at < SWEEP_EVERY {
            return false;
        }
        self.swept_at = now;
        self.by_guid.retain(|_, session| {
            matches!(session.state, State::Publishing) || now - session.last_event_at <= FORGET_AFTER
        });
        true
    }

    /// The published records that this enricher knows.
    pub fn published_records(&self) -> impl Iterator<Item = (&Guid, Published)> {
        self.by_guid
            .iter()
            .filter_map(|(guid, session)| match session.state {
                State::Published(published) => Some((guid, published)),
                State::Publishing | State::Closed { .. } | State::Hidden => None,
            })
    }

    /// The connection was lost, and with it the answers to all publishing; with `stream_lost` also all that was published.
    /// Closed sessions are remembered: their tombstones are published again with their next event.
    pub fn reconnected(&mut self, stream_lost: bool) {
        self.deferred.clear();
        self.by_guid.retain(|_, session| match &mut session.state {
            State::Publishing => false,
            State::Hidden => true,
            State::Published(_) => !stream_lost,
            State::Closed { renewed_at, .. } => {
                if stream_lost {
                    *renewed_at = LONG_AGO;
                }
                true
            }
        });
    }

    /// The stream's message of a session is known. It counts, unless the session is being published here, or is already
    /// known to be closed or hidden.
    pub fn adopt(&mut self, guid: &Guid, outcome: PublishOutcome, now: Millis) {
        if let None | Some(State::Published(_)) = self.state(guid) {
            self.begin_publish(guid, now);
            self.end_publish(guid, outcome);
        }
    }

    /// Whether a record that does not say who the visitor is may be published, or is being published.
    #[must_use]
    pub fn may_be_shown_unidentified(&self, guid: &Guid) -> bool {
        match self.state(guid) {
            Some(State::Publishing) => true,
            Some(State::Published(published)) => published.unidentified,
            Some(State::Closed { .. } | State::Hidden) | None => false,
        }
    }

    /// Whether nothing is known about the session.
    #[must_use]
    pub fn is_unknown(&self, guid: &Guid) -> bool {
        self.state(guid).is_none()
    }

    /// Whether the session is never shown.
    #[must_use]
    pub fn is_hidden(&self, guid: &Guid) -> bool {
        matches!(self.state(guid), Some(State::Hidden))
    }

    /// The number of sessions.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_guid.len()
    }

    fn state(&self, guid: &Guid) -> Option<&State> {
        self.by_guid.get(guid).map(|session| &session.state)
    }

    fn set(&mut self, guid: Guid, state: State, now: Millis) {
        let session = Session {
            state,
            last_event_at: now,
        };
        self.by_guid.insert(guid, session);
    }

    fn take_deferred(&mut self, guid: &Guid) -> Vec<(Sighting, T)> {
        self.deferred.remove(guid).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
