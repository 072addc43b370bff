//! Folds the messages of one session, in any order and number (docs/testing.md, "Rules of a session"). Pure.

use std::time::Duration;

use protocol::stream::STALE_RECORD_TTL;
use protocol::time::millis;
use protocol::{Activity, Millis, Record, SeenPage, SessionMessage, Timestamp, Tombstone};

/// The state of a session after its messages so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// An activity has arrived before the record.
    Early {
        /// The earliest activity.
        first_at: Timestamp,
        /// The latest activity.
        last_at: Timestamp,
        /// When the latest was received.
        received_at: Timestamp,
        /// The page of the latest activity that has one.
        page: Option<SeenPage>,
    },
    /// A record has arrived; whether the session is active depends on the time.
    Opened(Record),
    /// It is closed for good.
    Closed {
        /// The earliest closing.
        tombstone: Tombstone,
        /// When its last event was received, which renews the memory of the closing.
        heard_at: Timestamp,
    },
}

impl Session {
    /// A session whose first message this is.
    #[must_use]
    pub fn of_message(message: SessionMessage) -> Self {
        match message {
            SessionMessage::Record(record) => Self::Opened(record),
            SessionMessage::Tombstone(tombstone) => {
                let heard_at = tombstone.received_at;
                Self::Closed { tombstone, heard_at }
            }
        }
    }

    /// A session whose first message is this activity.
    #[must_use]
    pub fn of_activity(activity: &Activity) -> Self {
        Self::Early {
            first_at: activity.at,
            last_at: activity.at,
            received_at: activity.received_at,
            page: activity.page.clone(),
        }
    }

    /// Applies a record or tombstone.
    pub fn fold_message(&mut self, message: SessionMessage) {
        match (&mut *self, message) {
            (
                Self::Early {
                    first_at,
                    last_at,
                    received_at,
                    page,
                },
                SessionMessage::Record(mut record),
            ) => {
                touch(&mut record, *first_at, *last_at, *received_at, page.as_ref());
                *self = Self::Opened(record);
            }
            (Self::Opened(known), SessionMessage::Record(record)) => known.merge(&record),
            (Self::Closed { heard_at, .. }, SessionMessage::Record(record)) => {
                *heard_at = (*heard_at).max(record.received_at);
            }
            (
                Self::Closed {
                    tombstone: known,
                    heard_at,
                },
                SessionMessage::Tombstone(tombstone),
            ) => {
                *heard_at = (*heard_at).max(tombstone.received_at);
                known.merge(&tombstone);
            }
            (_, SessionMessage::Tombstone(tombstone)) => {
                let heard_at = self.heard_at().max(tombstone.received_at);
                *self = Self::Closed { tombstone, heard_at };
            }
        }
    }

    /// Applies an activity.
    pub fn fold_activity(&mut self, activity: &Activity) {
        match self {
            Self::Early {
                first_at,
                last_at,
                received_at,
                page,
            } => {
                *first_at = (*first_at).min(activity.at);
                *last_at = (*last_at).max(activity.at);
                *received_at = (*received_at).max(activity.received_at);
                SeenPage::merge(page, activity.page.as_ref());
            }
            Self::Opened(record) => {
                let page = activity.page.as_ref();
                touch(record, activity.at, activity.at, activity.received_at, page);
            }
            Self::Closed { heard_at, .. } => *heard_at = (*heard_at).max(activity.received_at),
        }
    }

    /// Adapts all times to a step of the NATS server's clock: the age of each receipt stays the same, and no event is in the
    /// future.
    pub fn shift(&mut self, by: Millis, now: Timestamp) {
        match self {
            Self::Early {
                first_at,
                last_at,
                received_at,
                page,
            } => {
                *received_at += by;
                (*first_at, *last_at) = ((*first_at).min(now), (*last_at).min(now));
                if let Some(page) = page {
                    page.at = page.at.min(now);
                }
            }
            Self::Opened(record) => {
                record.received_at += by;
                record.opened_at = record.opened_at.map(|at| at.min(now));
                record.first_seen_at = record.first_seen_at.min(now);
                record.last_activity_at = record.last_activity_at.min(now);
                record.identified_at = record.identified_at.map(|at| at.min(now));
                if let Some(page) = &mut record.page {
                    page.at = page.at.min(now);
                }
                if let Some(referrer) = &mut record.referrer {
                    referrer.at = referrer.at.min(now);
                }
            }
            Self::Closed { tombstone, heard_at } => {
                *heard_at += by;
                tombstone.received_at += by;
                tombstone.closed_at = tombstone.closed_at.min(now);
            }
        }
    }

    /// When its last event was received.
    #[must_use]
    pub fn heard_at(&self) -> Timestamp {
        match self {
            Self::Early { received_at, .. } => *received_at,
            Self::Opened(record) => record.received_at,
            Self::Closed { heard_at, .. } => *heard_at,
        }
    }

    /// The record to show, if the session is active at that time.
    #[must_use]
    pub fn active(&self, stale_after: Duration, now: Timestamp) -> Option<&Record> {
        match self {
            Self::Opened(record) if now - record.received_at <= millis(stale_after) => Some(record),
            _ => None,
        }
    }

    /// When it must be checked next if no event comes: when it goes stale or can be forgotten.
    #[must_use]
    pub fn deadline(&self, stale_after: Duration, now: Timestamp) -> Timestamp {
        let stale_at = self.heard_at() + stale_after + 1;
        match self {
            Self::Early { .. } => stale_at,
            Self::Opened(_) if now < stale_at => stale_at,
            Self::Opened(_) => stale_at + STALE_RECORD_TTL,
            Self::Closed { tombstone, heard_at } => *heard_at + tombstone.ttl,
        }
    }
}

fn touch(
    record: &mut Record,
    first_at: Timestamp,
    last_at: Timestamp,
    received_at: Timestamp,
    page: Option<&SeenPage>,
) {
    record.first_seen_at = record.first_seen_at.min(first_at);
    record.last_activity_at = record.last_activity_at.max(last_at);
    record.received_at = record.received_at.max(received_at);
    SeenPage::merge(&mut record.page, page);
}

#[cfg(test)]
mod tests;
