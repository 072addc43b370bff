//! A session of the view. Pure.

use protocol::{Company, Millis, Profile, Record};

use crate::view::session::Session;
use crate::view::write_back::Standing;

/// What clients must be told of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// Nothing.
    #[default]
    None,
    /// Only that its last activity moved.
    Touched,
    /// All of it.
    Changed,
}

/// What is shown of a session, and counted.
#[derive(Debug)]
pub struct Shown {
    /// When it opened.
    pub opened_at: Millis,
    ip: Box<str>,
    profile: Profile,
    unidentified: bool,
    last_activity_at: Millis,
}

impl Shown {
    /// What a record says of it.
    pub fn of(record: &Record) -> Self {
        Self {
            opened_at: record.shown_opened_at(),
            ip: record.ip.clone(),
            profile: record.profile.clone(),
            unidentified: record.unidentified,
            last_activity_at: record.last_activity_at,
        }
    }

    /// The visitor's company, where known.
    pub fn company(&self) -> Option<&Company> {
        self.profile.company.as_deref()
    }

    /// What clients must be told when the record is shown instead of this.
    pub fn news(&self, record: &Record) -> News {
        // Taken apart, so that nothing that is shown is forgotten here.
        let &Self {
            opened_at,
            ref ip,
            ref profile,
            unidentified,
            last_activity_at,
        } = self;
        if opened_at != record.shown_opened_at()
            || *ip != record.ip
            || *profile != record.profile
            || unidentified != record.unidentified
        {
            News::Changed
        } else if last_activity_at != record.last_activity_at {
            News::Touched
        } else {
            News::None
        }
    }

    /// Only the last activity has moved.
    pub fn touch(&mut self, record: &Record) {
        self.last_activity_at = record.last_activity_at;
    }
}

/// A session, and what has followed from it.
#[derive(Debug)]
pub struct Entry {
    /// What its messages add up to.
    pub session: Session,
    /// What stands in the stream.
    pub standing: Option<Standing>,
    /// What is shown, if it is.
    pub shown: Option<Shown>,
    /// What the next frame must tell.
    pub news: News,
    /// Whether it stands among those that may have to be written back.
    pub unsettled: bool,
    /// When it is looked at next though nothing comes.
    pub looked_at: Millis,
}

impl Entry {
    /// Nothing has followed from it yet.
    pub fn new(session: Session) -> Self {
        Self {
            session,
            standing: None,
            shown: None,
            news: News::None,
            unsettled: false,
            looked_at: Millis::MAX,
        }
    }
}
