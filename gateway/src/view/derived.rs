//! What follows from the sessions: what is counted, told, written and looked at. Pure.

use std::collections::HashSet;
use std::time::Duration;

use protocol::frame::Removal;
use protocol::guid::GuidMap;
use protocol::{Guid, Millis, Record};

use super::Traffic;
use super::entry::{Entry, News, Shown};
use crate::view::deadlines::Deadlines;
use crate::view::session::Session;
use crate::view::statistics::Statistics;

/// Kept in step with every session that changes, so that nothing ever has to go through all of them.
#[derive(Debug)]
pub struct Books {
    /// After how long without an event a session is stale.
    pub stale_after: Duration,
    /// The averages.
    pub statistics: Statistics,
    /// When sessions are looked at though nothing comes.
    pub deadlines: Deadlines,
    /// Those of which the next frame tells.
    pub news: Vec<Guid>,
    /// Those that left since the last frame, whether or not a frame has told of them: a client that joined between two
    /// frames has them from its snapshot.
    pub removed: GuidMap<Removal>,
    /// Those that may have to be written back.
    pub unsettled: Vec<Guid>,
    /// Those of them of which it is to be known first whether they are stale.
    pub undecided: HashSet<Guid>,
    /// How many came and went.
    pub traffic: Traffic,
}

impl Books {
    /// Empty.
    pub fn new(stale_after: Duration) -> Self {
        Self {
            stale_after,
            statistics: Statistics::default(),
            deadlines: Deadlines::default(),
            news: Vec::new(),
            removed: GuidMap::default(),
            unsettled: Vec::new(),
            undecided: HashSet::new(),
            traffic: Traffic::default(),
        }
    }

    /// A session's stream may have to say something else, or a write of it was not acknowledged.
    pub fn unsettle(&mut self, guid: &Guid, entry: &mut Entry) {
        if !std::mem::replace(&mut entry.unsettled, true) {
            self.unsettled.push(guid.clone());
        }
    }

    /// Sees to it that the session is looked at when it goes stale or can be forgotten; gives whether that lies ahead.
    pub fn look_again(&mut self, guid: &Guid, entry: &mut Entry, now: Millis) -> bool {
        let deadline = entry.session.deadline(self.stale_after, now);
        entry.looked_at = deadline;
        self.deadlines.add(guid.clone(), deadline);
        deadline > now
    }

    /// Brings what is shown, counted, told and written in step with what is known of the session.
    pub fn update(&mut self, guid: &Guid, entry: &mut Entry, now: Millis) {
        let closed = matches!(entry.session, Session::Closed { .. });
        let was_shown = entry.shown.is_some();
        let news = match (&mut entry.shown, entry.session.active(self.stale_after, now)) {
            (None, None) => News::None,
            (shown @ None, Some(record)) => {
                self.traffic.appeared += 1;
                *shown = Some(self.count(record));
                News::Changed
            }
            (Some(shown), Some(record)) => {
                let news = shown.news(record);
                match news {
                    News::None => {}
                    News::Touched => shown.touch(record),
                    News::Changed => {
                        self.statistics.remove(shown.opened_at, shown.company());
                        *shown = self.count(record);
                    }
                }
                news
            }
            (shown @ Some(_), None) => {
                if let Some(shown) = shown.take() {
                    self.statistics.remove(shown.opened_at, shown.company());
                }
                self.left(guid, &entry.session);
                News::None
            }
        };
        if news > entry.news {
            if entry.news == News::None {
                self.news.push(guid.clone());
            }
            entry.news = news;
        }
        let came = !was_shown && entry.shown.is_some();
        let sooner = entry.session.deadline(self.stale_after, now) < entry.looked_at;
        if closed || news == News::Changed || was_shown != entry.shown.is_some() {
            self.unsettle(guid, entry);
        }
        if came && sooner {
            self.look_again(guid, entry, now);
        }
    }

    /// Adds to the averages what is shown of the record.
    fn count(&mut self, record: &Record) -> Shown {
        let shown = Shown::of(record);
        self.statistics.add(shown.opened_at, shown.company());
        shown
    }

    /// The session is not shown any longer.
    fn left(&mut self, guid: &Guid, session: &Session) {
        let (removal, counter) = match session {
            Session::Closed { tombstone, .. } if tombstone.hidden => {
                (Removal::Hidden, &mut self.traffic.hidden)
            }
            Session::Closed { .. } => (Removal::Closed, &mut self.traffic.closed),
            Session::Early { .. } | Session::Opened(_) => (Removal::Stale, &mut self.traffic.stale),
        };
        *counter += 1;
        self.removed.insert(guid.clone(), removal);
    }
}
