//! The view: every session known, what is shown of them, and what has changed since the last frame. Pure.

use std::time::Duration;

use protocol::frame::{Removal, Stats, VisibleSession};
use protocol::guid::GuidMap;
use protocol::{Activity, Company, Guid, Millis, Profile, Record, SessionMessage};

use crate::deadlines::Deadlines;
use crate::session::Session;
use crate::statistics::Statistics;
use crate::write_back::{Standing, WriteBack, wanted};

/// What clients must be told of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    #[default]
    None,
    Touched,
    Changed,
}

/// What is shown of a session, and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    opened_at: Millis,
    profile: Profile,
    unidentified: bool,
    last_activity_at: Millis,
}

impl Shown {
    fn of(record: &Record) -> Self {
        Self {
            opened_at: record.shown_opened_at(),
            profile: record.profile.clone(),
            unidentified: record.unidentified,
            last_activity_at: record.last_activity_at,
        }
    }

    fn company(&self) -> Option<&Company> {
        self.profile.company.as_deref()
    }

    /// What clients must be told when this is shown instead of `before`.
    fn news_since(&self, before: &Self) -> News {
        let said_before = Self {
            last_activity_at: self.last_activity_at,
            ..before.clone()
        };
        if *self != said_before {
            News::Changed
        } else if self.last_activity_at != before.last_activity_at {
            News::Touched
        } else {
            News::None
        }
    }
}

#[derive(Debug)]
struct Entry {
    session: Session,
    standing: Option<Standing>,
    shown: Option<Shown>,
    /// Whether a frame has told of it.
    told: bool,
    news: News,
    /// Whether it stands among those that may have to be written back.
    unsettled: bool,
    /// When it is looked at next though nothing comes.
    looked_at: Millis,
}

impl Entry {
    fn new(session: Session) -> Self {
        Self {
            session,
            standing: None,
            shown: None,
            told: false,
            news: News::None,
            unsettled: false,
            looked_at: Millis::MAX,
        }
    }
}

/// What has changed since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Sessions that are new or say something else.
    pub changed: Vec<VisibleSession>,
    /// Sessions of which only the last activity moved.
    pub touched: Vec<(Guid, Millis)>,
    /// Sessions that left.
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
}

/// All sessions.
#[derive(Debug)]
pub struct View {
    stale_after: Duration,
    entries: GuidMap<Entry>,
    statistics: Statistics,
    deadlines: Deadlines,
    news: Vec<Guid>,
    removed: Vec<(Guid, Removal)>,
    unsettled: Vec<Guid>,
    traffic: Traffic,
}

impl View {
    /// An empty view, in which a session is stale after so long without an event.
    pub fn new(stale_after: Duration) -> Self {
        Self {
            stale_after,
            entries: GuidMap::default(),
            statistics: Statistics::default(),
            deadlines: Deadlines::default(),
            news: Vec::new(),
            removed: Vec::new(),
            unsettled: Vec::new(),
            traffic: Traffic::default(),
        }
    }

    /// A record or tombstone stands in the stream.
    pub fn message(&mut self, message: SessionMessage, standing: Standing, now: Millis) {
        let guid = message.guid().clone();
        match self.entries.get_mut(&guid) {
            Some(entry) => entry.session.fold_message(message),
            None => self.insert(&guid, Session::of_message(message), now),
        }
        if let Some(entry) = self.entries.get_mut(&guid) {
            entry.standing = Some(standing);
        }
        self.unsettle(&guid);
        self.update(&guid, now);
    }

    /// A session gave a sign of life.
    pub fn activity(&mut self, activity: &Activity, now: Millis) {
        let guid = &activity.0;
        match self.entries.get_mut(guid) {
            Some(entry) => entry.session.fold_activity(activity),
            None => self.insert(guid, Session::of_activity(activity), now),
        }
        self.update(guid, now);
    }

    /// Time has passed: removes what has gone stale, forgets what need not be known any longer.
    pub fn tick(&mut self, now: Millis) {
        for guid in self.deadlines.due(now) {
            // One that came back after it was stale is looked at sooner than was meant before.
            if self.entries.get(&guid).is_none_or(|entry| entry.looked_at > now) {
                continue;
            }
            self.update(&guid, now);
            if !self.look_again(&guid, now) {
                self.entries.remove(&guid);
            }
        }
    }

    /// The stream of the sessions was lost, and with it all that stood in it.
    pub fn stream_lost(&mut self) {
        let guids: Vec<Guid> = self.entries.keys().cloned().collect();
        for guid in guids {
            if let Some(entry) = self.entries.get_mut(&guid) {
                entry.standing = None;
            }
            self.unsettle(&guid);
        }
    }

    /// What should be written to the stream, at most `limit` at once.
    pub fn write_backs(&mut self, limit: usize, now: Millis) -> Vec<WriteBack> {
        let mut writes = Vec::new();
        while writes.len() < limit
            && let Some(guid) = self.unsettled.pop()
        {
            let Some(entry) = self.entries.get_mut(&guid) else {
                continue;
            };
            entry.unsettled = false;
            let active = entry.session.active(self.stale_after, now).is_some();
            writes.extend(wanted(&entry.session, entry.standing, active));
        }
        writes
    }

    /// A session's stream may have to say something else, or a write of it was not acknowledged.
    pub fn unsettle(&mut self, guid: &Guid) {
        if let Some(entry) = self.entries.get_mut(guid)
            && !std::mem::replace(&mut entry.unsettled, true)
        {
            self.unsettled.push(guid.clone());
        }
    }

    /// Whether clients must be told anything.
    pub fn has_news(&self) -> bool {
        !self.news.is_empty() || !self.removed.is_empty()
    }

    /// What clients must be told, once.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        for (guid, removal) in std::mem::take(&mut self.removed) {
            // It may have come back since.
            if self.entries.get(&guid).is_none_or(|entry| entry.shown.is_none()) {
                changes.removed.push((guid, removal));
            }
        }
        for guid in std::mem::take(&mut self.news) {
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
                News::Changed => {
                    changes.changed.push(visible(record));
                    entry.told = true;
                }
            }
        }
        changes
    }

    /// Every session shown.
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
    pub fn stats(&self, being_identified: u64, now: Millis) -> Stats {
        self.statistics.stats(being_identified, now)
    }

    /// How many sessions are shown.
    pub fn len(&self) -> u64 {
        self.statistics.sessions()
    }

    /// How many sessions have come and gone since the start.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn insert(&mut self, guid: &Guid, session: Session, now: Millis) {
        self.entries.insert(guid.clone(), Entry::new(session));
        self.look_again(guid, now);
    }

    /// Sees to it that the session is looked at when it goes stale or can be forgotten; gives whether that lies ahead.
    fn look_again(&mut self, guid: &Guid, now: Millis) -> bool {
        let Some(entry) = self.entries.get_mut(guid) else {
            return false;
        };
        let deadline = entry.session.deadline(self.stale_after, now);
        entry.looked_at = deadline;
        self.deadlines.add(guid.clone(), deadline);
        deadline > now
    }

    /// Brings what is shown, counted, told and written in step with what is known of the session.
    fn update(&mut self, guid: &Guid, now: Millis) {
        let Some(entry) = self.entries.get_mut(guid) else {
            return;
        };
        let closed = matches!(entry.session, Session::Closed { .. });
        let shown = entry.session.active(self.stale_after, now).map(Shown::of);
        let before = std::mem::replace(&mut entry.shown, shown);
        let news = match (&before, &entry.shown) {
            (None, None) => News::None,
            (None, Some(shown)) => {
                self.statistics.add(shown.opened_at, shown.company());
                self.traffic.appeared += 1;
                News::Changed
            }
            (Some(before), Some(shown)) => {
                let news = shown.news_since(before);
                if news == News::Changed {
                    self.statistics.remove(before.opened_at, before.company());
                    self.statistics.add(shown.opened_at, shown.company());
                }
                news
            }
            (Some(before), None) => {
                self.statistics.remove(before.opened_at, before.company());
                let removal = if closed { Removal::Closed } else { Removal::Stale };
                *(if closed {
                    &mut self.traffic.closed
                } else {
                    &mut self.traffic.stale
                }) += 1;
                if std::mem::take(&mut entry.told) {
                    self.removed.push((guid.clone(), removal));
                }
                News::None
            }
        };
        if news > entry.news {
            if entry.news == News::None {
                self.news.push(guid.clone());
            }
            entry.news = news;
        }
        let came = before.is_none() && entry.shown.is_some();
        let sooner = entry.session.deadline(self.stale_after, now) < entry.looked_at;
        if closed || news == News::Changed || before.is_some() != entry.shown.is_some() {
            self.unsettle(guid);
        }
        if came && sooner {
            self.look_again(guid, now);
        }
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
        unidentified: record.unidentified,
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
