//! The view: every session known, what is shown of them, and what has changed since the last frame. Pure.

mod deadlines;
mod derived;
mod entry;
mod interner;
pub mod session;
mod statistics;
mod stored_messages;
pub mod write_back;

use std::collections::hash_map;
use std::time::Duration;

use protocol::frame::{Removal, Stats, VisibleSession};
use protocol::guid::GuidMap;
use protocol::{Activity, Guid, Millis, Record, SessionMessage};

use self::derived::Books;
use self::entry::{Entry, News};
use crate::view::deadlines::Deadlines;
use crate::view::interner::Sharing;
use crate::view::session::Session;
use crate::view::stored_messages::StoredMessages;
use crate::view::write_back::{Content, Standing, WriteBack, is_outdated, wanted};

/// What has changed since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Sessions that are new or say something else.
    pub changed: Vec<VisibleSession>,
    /// Sessions of which only the last activity moved.
    pub touched: Vec<(Guid, Millis)>,
    /// Sessions that left. A client need not know all of them: some came and left since the last frame.
    pub removed: Vec<(Guid, Removal)>,
}

/// How many sessions have come and gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Sessions that came into view.
    pub appeared: u64,
    /// Sessions that left it closed.
    pub closed: u64,
    /// Sessions that left it stale.
    pub stale: u64,
    /// Sessions that left it because they must not be shown any longer.
    pub hidden: u64,
}

/// All sessions.
#[derive(Debug)]
pub struct View {
    /// Boxed, because a map keeps room for more than it holds, and moves what it holds when it grows.
    entries: GuidMap<Box<Entry>>,
    books: Books,
    sharing: Sharing,
    /// What is known to be in the stream.
    stored: StoredMessages,
}

impl View {
    /// An empty view, in which a session is stale after so long without an event.
    #[must_use]
    pub fn new(stale_after: Duration) -> Self {
        Self {
            entries: GuidMap::default(),
            books: Books::new(stale_after),
            sharing: Sharing::default(),
            stored: StoredMessages::default(),
        }
    }

    /// A record or tombstone stands in the stream.
    pub fn message(&mut self, mut message: SessionMessage, mut standing: Standing, now: Millis) {
        if let SessionMessage::Record(record) = &mut message {
            self.sharing.share(&mut record.profile);
        }
        let guid = message.guid().clone();
        let entry = match self.entries.entry(guid.clone()) {
            hash_map::Entry::Occupied(entry) => {
                let entry = entry.into_mut();
                if is_outdated(&message, &entry.session, entry.standing) {
                    standing.content = Content::Outdated;
                }
                entry.session.fold_message(message);
                entry
            }
            hash_map::Entry::Vacant(place) => {
                let entry = place.insert(Box::new(Entry::new(Session::of_message(message))));
                self.books.look_again(&guid, entry, now);
                entry
            }
        };
        let before = entry.standing.replace(standing);
        let before = before.map(|before| before.expires_at);
        self.stored.replace(before, standing.expires_at);
        self.books.unsettle(&guid, entry);
        self.books.update(&guid, entry, now);
    }

    /// A session gave a sign of life.
    pub fn activity(&mut self, activity: &Activity, now: Millis) {
        let guid = &activity.0;
        if let Some(entry) = self.entries.get_mut(guid) {
            entry.session.fold_activity(activity);
            self.books.update(guid, entry, now);
        } else {
            // Not shown before its record comes.
            let mut entry = Box::new(Entry::new(Session::of_activity(activity)));
            self.books.look_again(guid, &mut entry, now);
            self.entries.insert(guid.clone(), entry);
        }
    }

    /// Time has passed: removes what has gone stale, forgets what need not be known any longer.
    pub fn tick(&mut self, now: Millis) {
        for guid in self.books.deadlines.due(now) {
            let hash_map::Entry::Occupied(mut place) = self.entries.entry(guid) else {
                continue;
            };
            // One that came back after it was stale is looked at sooner than was meant before.
            if place.get().looked_at > now {
                continue;
            }
            let guid = place.key().clone();
            self.books.update(&guid, place.get_mut(), now);
            if !self.books.look_again(&guid, place.get_mut(), now) {
                let entry = place.remove();
                if let Some(standing) = entry.standing {
                    self.stored.forget(standing.expires_at);
                }
            }
        }
    }

    /// The NATS server's clock has stepped by so much: no session gets older or younger by it. Liveness is judged at
    /// `judged_at`, as everywhere.
    pub fn shift(&mut self, by: Millis, now: Millis, judged_at: Millis) {
        self.books.deadlines = Deadlines::default();
        for (guid, entry) in &mut self.entries {
            entry.session.shift(by, now);
            self.books.update(guid, entry, judged_at);
            self.books.look_again(guid, entry, judged_at);
        }
    }

    /// How many messages there must be in the sessions' stream at least.
    pub fn stored_at_least(&mut self, now: Millis) -> u64 {
        self.stored.at_least(now)
    }

    /// The stream of activities was lost: the records must say what it said.
    pub fn activity_lost(&mut self, now: Millis) {
        for (guid, entry) in &mut self.entries {
            let active = entry.session.active(self.books.stale_after, now).is_some();
            if let Some(standing) = &mut entry.standing
                && active
            {
                standing.content = Content::Outdated;
                self.books.unsettle(guid, entry);
            }
        }
    }

    /// Whether anything may have to be written to the stream.
    #[must_use]
    pub fn has_unsettled(&self) -> bool {
        !self.books.unsettled.is_empty()
    }

    /// The stream of the sessions was lost, and with it all that stood in it.
    pub fn stream_lost(&mut self) {
        self.stored.clear();
        for (guid, entry) in &mut self.entries {
            entry.standing = None;
            self.books.unsettle(guid, entry);
        }
    }

    /// What should be written to the stream, at most `limit` at once. While the view is `interrupted`, nobody knows whether
    /// a silent session is stale, and the record of one is left as it is until that is known.
    pub fn write_backs(&mut self, limit: usize, now: Millis, interrupted: bool) -> Vec<WriteBack> {
        if !interrupted {
            for guid in std::mem::take(&mut self.books.undecided) {
                self.unsettle(&guid);
            }
        }
        let mut writes = Vec::new();
        while writes.len() < limit
            && let Some(guid) = self.books.unsettled.pop()
        {
            let Some(entry) = self.entries.get_mut(&guid) else {
                continue;
            };
            entry.unsettled = false;
            let active = entry.session.active(self.books.stale_after, now).is_some();
            if interrupted && !active && matches!(entry.session, Session::Opened(_)) {
                self.books.undecided.insert(guid);
                continue;
            }
            writes.extend(wanted(&entry.session, entry.standing, active));
        }
        writes
    }

    /// A write of the session was not acknowledged.
    pub fn unsettle(&mut self, guid: &Guid) {
        if let Some(entry) = self.entries.get_mut(guid) {
            self.books.unsettle(guid, entry);
        }
    }

    /// Whether clients must be told anything.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.books.news.is_empty() || !self.books.removed.is_empty()
    }

    /// What clients must be told, once.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        for (guid, removal) in std::mem::take(&mut self.books.removed) {
            // It may have come back since.
            if self.entries.get(&guid).is_none_or(|entry| entry.shown.is_none()) {
                changes.removed.push((guid, removal));
            }
        }
        for guid in std::mem::take(&mut self.books.news) {
            let Some(entry) = self.entries.get_mut(&guid) else {
                continue;
            };
            let news = std::mem::take(&mut entry.news);
            let (Session::Opened(record), Some(_)) = (&entry.session, &entry.shown) else {
                continue;
            };
            match news {
                News::None => {}
                News::Touched => changes.touched.push((guid, record.last_activity_at)),
                News::Changed => changes.changed.push(visible(record)),
            }
        }
        changes
    }

    /// Every session shown.
    #[must_use]
    pub fn sessions(&self) -> Vec<VisibleSession> {
        let shown = self.entries.values().filter(|entry| entry.shown.is_some());
        shown
            .filter_map(|entry| match &entry.session {
                Session::Opened(record) => Some(visible(record)),
                Session::Early { .. } | Session::Closed { .. } => None,
            })
            .collect()
    }

    /// Figures over the sessions shown.
    #[must_use]
    pub fn stats(&self, being_identified: u64, now: Millis) -> Stats {
        self.books.statistics.stats(being_identified, now)
    }

    /// How many sessions are shown.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.books.statistics.sessions()
    }

    /// How many sessions have come and gone since the start.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.books.traffic
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
        unidentified: record.unidentified,
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod tests;
