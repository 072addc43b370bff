//! The view: all known sessions, what is shown of them, and what has changed since the last frame. Pure.

mod deadlines;
mod derived;
mod expected_messages;
mod interner;
pub mod session;
mod statistics;
mod viewed_session;
pub mod write_back;

use std::collections::hash_map;
use std::sync::Arc;
use std::time::Duration;

use protocol::frame::{Removal, Stats, VisibleSession};
use protocol::guid::GuidMap;
use protocol::{Activity, Guid, Millis, Record, SessionMessage, Timestamp};

pub use self::derived::Traffic;
use self::derived::{DerivedState, News};
use self::viewed_session::ViewedSession;
use crate::view::deadlines::Deadlines;
use crate::view::expected_messages::ExpectedMessages;
use crate::view::interner::Interner;
use crate::view::session::Session;
use crate::view::write_back::{Content, StoredMessage, WriteBack, is_outdated, wanted};

/// What has changed since the last frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Sessions that are new or differ in more than their last activity.
    pub changed: Vec<VisibleSession>,
    /// Sessions that differ only in their last activity.
    pub touched: Vec<(Guid, Timestamp)>,
    /// Sessions that left. Clients do not know those that appeared and left since the last frame.
    pub removed: Vec<(Guid, Removal)>,
}

/// All sessions.
#[derive(Debug)]
pub struct View {
    /// Boxed, because a map has unused capacity and moves its entries when it grows.
    entries: GuidMap<Box<ViewedSession>>,
    derived: DerivedState,
    interner: Interner,
    /// The messages that the stream must hold.
    expected: ExpectedMessages,
}

impl View {
    /// An empty view, in which a session goes stale after `stale_after` without an event.
    #[must_use]
    pub fn new(stale_after: Duration) -> Self {
        Self {
            entries: GuidMap::default(),
            derived: DerivedState::new(stale_after),
            interner: Interner::default(),
            expected: ExpectedMessages::default(),
        }
    }

    /// Applies a record or tombstone of the stream.
    pub fn message(&mut self, mut message: SessionMessage, mut stored: StoredMessage, now: Timestamp) {
        if let SessionMessage::Record(record) = &mut message {
            self.interner.intern(record);
        }
        let guid = message.guid().clone();
        let entry = match self.entries.entry(guid.clone()) {
            hash_map::Entry::Occupied(entry) => {
                let entry = entry.into_mut();
                if is_outdated(&message, &entry.session, entry.stored) {
                    stored.content = Content::Outdated;
                }
                entry.session.fold_message(message);
                entry
            }
            hash_map::Entry::Vacant(place) => {
                let entry = place.insert(Box::new(ViewedSession::new(Session::of_message(message))));
                self.derived.schedule_check(&guid, entry, now);
                entry
            }
        };
        let before = entry.stored.replace(stored).map(|before| before.expires_at);
        self.expected.replace(before, stored.expires_at);
        self.derived.update(&guid, entry, now);
        self.derived.dirty.insert(guid);
    }

    /// Applies an activity.
    pub fn activity(&mut self, activity: &Activity, now: Timestamp) {
        let guid = &activity.guid;
        if let Some(entry) = self.entries.get_mut(guid) {
            entry.session.fold_activity(activity);
            if activity.page.is_some()
                && let Session::Opened(record) = &mut entry.session
            {
                self.interner.intern_page(record);
            }
            self.derived.update(guid, entry, now);
        } else {
            // Not shown until its record arrives.
            let mut entry = Box::new(ViewedSession::new(Session::of_activity(activity)));
            self.derived.schedule_check(guid, &mut entry, now);
            self.entries.insert(guid.clone(), entry);
        }
    }

    /// Removes sessions that have gone stale, and forgets what no longer matters.
    pub fn tick(&mut self, now: Timestamp) {
        for guid in self.derived.deadlines.due(now) {
            let hash_map::Entry::Occupied(mut place) = self.entries.entry(guid) else {
                continue;
            };
            // A session that came back after it went stale has been scheduled twice.
            if place.get().check_at > now {
                continue;
            }
            let guid = place.key().clone();
            self.derived.update(&guid, place.get_mut(), now);
            self.derived.save_page(&guid, place.get_mut(), now);
            if !self.derived.schedule_check(&guid, place.get_mut(), now) {
                let entry = place.remove();
                if let Some(stored) = entry.stored {
                    self.expected.forget(stored.expires_at);
                }
            }
        }
    }

    /// Adapts all times to a step of the NATS server's clock, so that no session gets older or younger. Liveness is judged
    /// at `judged_at`, as everywhere.
    pub fn shift(&mut self, by: Millis, now: Timestamp, judged_at: Timestamp) {
        self.derived.deadlines = Deadlines::default();
        for (guid, entry) in &mut self.entries {
            entry.session.shift(by, now);
            self.derived.update(guid, entry, judged_at);
            self.derived.schedule_check(guid, entry, judged_at);
        }
    }

    /// The minimum number of messages that the sessions' stream must hold.
    pub fn stored_at_least(&mut self, now: Timestamp) -> u64 {
        self.expected.at_least(now)
    }

    /// The stream of activities was lost, so the records must be written with the activities that it held.
    pub fn activity_lost(&mut self, now: Timestamp) {
        for (guid, entry) in &mut self.entries {
            let active = entry.session.active(self.derived.stale_after, now).is_some();
            if let Some(stored) = &mut entry.stored
                && active
            {
                stored.content = Content::Outdated;
                self.derived.dirty.insert(guid.clone());
            }
        }
    }

    /// Whether anything may have to be written to the stream.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.derived.dirty.is_empty()
    }

    /// The stream of sessions was lost with everything in it.
    pub fn stream_lost(&mut self) {
        self.expected.clear();
        for (guid, entry) in &mut self.entries {
            entry.stored = None;
            self.derived.dirty.insert(guid.clone());
        }
    }

    /// What must be written to the stream, at most `limit` messages.
    ///
    /// While the view is `interrupted`, silence does not mean that a session is stale. The records of silent sessions stay
    /// as they are until the interruption is over.
    pub fn write_backs(&mut self, limit: usize, now: Timestamp, interrupted: bool) -> Vec<WriteBack> {
        if !interrupted {
            self.derived.dirty.append(&mut self.derived.undecided);
        }
        let mut writes = Vec::new();
        while writes.len() < limit
            && let Some(guid) = self.derived.dirty.pop_first()
        {
            let Some(entry) = self.entries.get(&guid) else {
                continue;
            };
            let active = entry.session.active(self.derived.stale_after, now).is_some();
            if interrupted && !active && matches!(entry.session, Session::Opened(_)) {
                self.derived.undecided.insert(guid);
            } else {
                writes.extend(wanted(&entry.session, entry.stored, active));
            }
        }
        writes
    }

    /// The session may have to be written to the stream.
    pub fn mark_dirty(&mut self, guid: &Guid) {
        if self.entries.contains_key(guid) {
            self.derived.dirty.insert(guid.clone());
        }
    }

    /// Whether there is a change to send to clients.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.derived.news.is_empty()
    }

    /// What has changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        for (guid, news) in std::mem::take(&mut self.derived.news) {
            let shown = self.entries.get(&guid).and_then(|entry| entry.shown_record());
            match (news, shown) {
                (News::Removed(removal), _) => changes.removed.push((guid, removal)),
                (News::Touched, Some(record)) => changes.touched.push((guid, record.last_activity_at)),
                (News::Changed, Some(record)) => changes.changed.push(visible(record)),
                (News::Touched | News::Changed, None) => {}
            }
        }
        changes
    }

    /// All sessions that are shown.
    #[must_use]
    pub fn sessions(&self) -> Vec<VisibleSession> {
        let shown = self.entries.values().filter_map(|entry| entry.shown_record());
        shown.map(visible).collect()
    }

    /// Statistics of the sessions that are shown.
    #[must_use]
    pub fn stats(&self, being_identified: u64, now: Timestamp) -> Stats {
        self.derived.statistics.stats(being_identified, now)
    }

    /// The number of sessions that are shown.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.derived.statistics.sessions()
    }

    /// How many sessions have appeared and left since the start.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.derived.traffic
    }
}

fn visible(record: &Record) -> VisibleSession {
    VisibleSession {
        guid: record.guid.clone(),
        ip: record.ip.clone(),
        opened_at: record.shown_opened_at(),
        last_activity_at: record.last_activity_at,
        company: record.profile.company.clone(),
        contact: record.profile.contact.clone(),
        network: record.profile.network.clone(),
        country: record.profile.country.clone(),
        page: record.page.as_ref().map(|seen| Arc::clone(&seen.page)),
        referrer: record.referrer.as_ref().map(|referrer| Arc::clone(&referrer.url)),
        unidentified: record.unidentified,
    }
}

#[cfg(test)]
mod tests;
