//! What is derived from the sessions: statistics, the next frame, writes to the stream, and deadlines. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::frame::Removal;
use protocol::guid::GuidMap;
use protocol::time::millis;
use protocol::{Guid, Record, Timestamp};

use crate::view::deadlines::Deadlines;
use crate::view::session::Session;
use crate::view::statistics::Statistics;
use crate::view::viewed_session::{Difference, Shown, ViewedSession};
use crate::view::write_back::Content;

/// How many sessions have appeared and left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Sessions that appeared.
    pub appeared: u64,
    /// Sessions that were closed.
    pub closed: u64,
    /// Sessions that went stale.
    pub stale: u64,
    /// Sessions that must no longer be shown.
    pub hidden: u64,
}

impl Traffic {
    /// Sessions that left, for whatever reason.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.closed + self.stale + self.hidden
    }
}

/// What the next frame must say about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Its last activity.
    Touched,
    /// All of it.
    Changed,
    /// It left. Reported even if no frame has shown it, because a client that joined between two frames has it from its
    /// snapshot.
    Removed(Removal),
}

/// Updated with each session that changes, so that nothing needs a pass over all sessions.
#[derive(Debug)]
pub struct DerivedState {
    /// How long a session without events counts as active.
    pub stale_after: Duration,
    /// Sums over the sessions that are shown.
    pub statistics: Statistics,
    /// When sessions are checked if no event comes.
    pub deadlines: Deadlines,
    /// The content of the next frame.
    pub news: GuidMap<News>,
    /// Sessions that may have to be written to the stream.
    pub dirty: BTreeSet<Guid>,
    /// Dirty sessions that are written once it is known whether they are stale.
    pub undecided: BTreeSet<Guid>,
    /// How many sessions have appeared and left.
    pub traffic: Traffic,
}

impl DerivedState {
    /// The state of an empty view.
    pub fn new(stale_after: Duration) -> Self {
        Self {
            stale_after,
            statistics: Statistics::default(),
            deadlines: Deadlines::default(),
            news: GuidMap::default(),
            dirty: BTreeSet::new(),
            undecided: BTreeSet::new(),
            traffic: Traffic::default(),
        }
    }

    /// Schedules the check of a session for when it goes stale or can be forgotten. Returns whether that is in the future.
    pub fn schedule_check(&mut self, guid: &Guid, entry: &mut ViewedSession, now: Timestamp) -> bool {
        let deadline = entry.session.deadline(self.stale_after, now);
        entry.check_at = deadline;
        self.deadlines.add(guid.clone(), deadline);
        deadline > now
    }

    /// Updates everything that is derived from the session.
    pub fn update(&mut self, guid: &Guid, entry: &mut ViewedSession, now: Timestamp) {
        match (&mut entry.shown, entry.session.active(self.stale_after, now)) {
            (None, None) => {
                if matches!(entry.session, Session::Closed { .. }) {
                    self.dirty.insert(guid.clone());
                }
            }
            (shown @ None, Some(record)) => {
                *shown = Some(self.count(record));
                self.traffic.appeared += 1;
                self.changed(guid);
                if entry.session.deadline(self.stale_after, now) < entry.check_at {
                    self.schedule_check(guid, entry, now);
                }
            }
            (Some(shown), Some(record)) => match shown.compare(record) {
                Difference::None => {}
                Difference::LastActivity => {
                    shown.touch(record);
                    self.news.entry(guid.clone()).or_insert(News::Touched);
                }
                Difference::Other => {
                    self.statistics.remove(shown.opened_at, shown.company());
                    *shown = self.count(record);
                    self.changed(guid);
                }
            },
            (Some(shown), None) => {
                self.statistics.remove(shown.opened_at, shown.company());
                entry.shown = None;
                self.left(guid, &entry.session);
            }
        }
    }

    /// Has the record written with its page, if the page is only in the stream of activities, where it expires. An emitter
    /// that repeats the page with each event never causes this.
    pub fn save_page(&mut self, guid: &Guid, entry: &mut ViewedSession, now: Timestamp) {
        if let (Session::Opened(record), Some(stored)) = (&entry.session, &mut entry.stored)
            && stored.lacks_page(record)
            && record
                .page
                .as_ref()
                .is_some_and(|page| now - page.at >= millis(self.stale_after) / 2)
        {
            stored.content = Content::Outdated;
            self.dirty.insert(guid.clone());
        }
    }

    /// A session appeared or changed.
    fn changed(&mut self, guid: &Guid) {
        self.news.insert(guid.clone(), News::Changed);
        self.dirty.insert(guid.clone());
    }

    /// Adds a record to the statistics.
    fn count(&mut self, record: &Record) -> Shown {
        let shown = Shown::of(record);
        self.statistics.add(shown.opened_at, shown.company());
        shown
    }

    /// A session is no longer shown.
    fn left(&mut self, guid: &Guid, session: &Session) {
        let (removal, counter) = match session {
            Session::Closed { tombstone, .. } if tombstone.hidden => {
                (Removal::Hidden, &mut self.traffic.hidden)
            }
            Session::Closed { .. } => (Removal::Closed, &mut self.traffic.closed),
            Session::Early { .. } | Session::Opened(_) => (Removal::Stale, &mut self.traffic.stale),
        };
        *counter += 1;
        self.news.insert(guid.clone(), News::Removed(removal));
        self.dirty.insert(guid.clone());
    }
}
