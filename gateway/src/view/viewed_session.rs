//! A session of the view. Pure.

use std::sync::Arc;

use protocol::{Company, Page, Profile, Record, Timestamp};

use crate::view::session::Session;
use crate::view::write_back::StoredMessage;

/// How what is shown of a session differs from its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Not at all.
    None,
    /// Only in its last activity.
    LastActivity,
    /// In more than that.
    Other,
}

/// What is shown of a session and counted in the statistics.
#[derive(Debug)]
pub struct Shown {
    /// When the session opened.
    pub opened_at: Timestamp,
    ip: Box<str>,
    profile: Profile,
    unidentified: bool,
    page: Option<Arc<Page>>,
    referrer: Option<Arc<str>>,
    last_activity_at: Timestamp,
}

impl Shown {
    /// The shown values of a record.
    pub fn of(record: &Record) -> Self {
        Self {
            opened_at: record.shown_opened_at(),
            ip: record.ip.clone(),
            profile: record.profile.clone(),
            unidentified: record.unidentified,
            page: record.page.as_ref().map(|seen| Arc::clone(&seen.page)),
            referrer: record.referrer.as_ref().map(|referrer| Arc::clone(&referrer.url)),
            last_activity_at: record.last_activity_at,
        }
    }

    /// The visitor's company, if known.
    pub fn company(&self) -> Option<&Company> {
        self.profile.company.as_deref()
    }

    /// How the record differs from this.
    pub fn compare(&self, record: &Record) -> Difference {
        // Destructured, so that a new field cannot be forgotten here.
        let &Self {
            opened_at,
            ref ip,
            ref profile,
            unidentified,
            ref page,
            ref referrer,
            last_activity_at,
        } = self;
        if opened_at != record.shown_opened_at()
            || *ip != record.ip
            || *profile != record.profile
            || unidentified != record.unidentified
            || page.as_ref() != record.page.as_ref().map(|seen| &seen.page)
            || referrer.as_ref() != record.referrer.as_ref().map(|referrer| &referrer.url)
        {
            Difference::Other
        } else if last_activity_at != record.last_activity_at {
            Difference::LastActivity
        } else {
            Difference::None
        }
    }

    /// Adopts the last activity.
    pub fn touch(&mut self, record: &Record) {
        self.last_activity_at = record.last_activity_at;
    }
}

/// A session and the state derived from it.
#[derive(Debug)]
pub struct ViewedSession {
    /// The merged state of its messages.
    pub session: Session,
    /// What the stream holds.
    pub stored: Option<StoredMessage>,
    /// What is shown, if anything.
    pub shown: Option<Shown>,
    /// When it is checked next if no event comes.
    pub check_at: Timestamp,
}

impl ViewedSession {
    /// Creates it without derived state.
    pub fn new(session: Session) -> Self {
        Self {
            session,
            stored: None,
            shown: None,
            check_at: Timestamp::MAX,
        }
    }

    /// The record, if it is shown.
    pub fn shown_record(&self) -> Option<&Record> {
        match (&self.session, &self.shown) {
            (Session::Opened(record), Some(_)) => Some(record),
            _ => None,
        }
    }
}
