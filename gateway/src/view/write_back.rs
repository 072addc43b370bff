//! Decides what must be written to the sessions' stream: after it was lost, when a session goes stale or comes back, and
//! when a tombstone gets old. Pure.
//!
//! All gateways decide the same and write the same; the expected sequence lets one of them succeed.

use std::hash::BuildHasher as _;
use std::time::Duration;

use foldhash::quality::FixedState;
use protocol::stream::{RECORD_TTL, STALE_RECORD_TTL, renew_after};
use protocol::time::millis;
use protocol::{Record, SessionMessage, Timestamp};

use crate::view::session::Session;

/// The message on a session's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// Its content.
    pub content: Content,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// The part of a message that decides whether it must be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A record.
    Record {
        /// When the session opened.
        opened_at: Option<Timestamp>,
        /// Its earliest event.
        first_seen_at: Timestamp,
        /// A digest of the visitor's identity and referrer.
        identity: u64,
        /// A digest of the page; 0 without one.
        page: u64,
        /// Whether it has the TTL of a stale session.
        stale: bool,
    },
    /// A record that knows less of the activity than the view, and the stream of activities does not have the rest: it
    /// replaced a lost record, or its page is about to expire there.
    Outdated,
    /// A tombstone.
    Tombstone {
        /// When it was published.
        published_at: Timestamp,
    },
}

impl StoredMessage {
    /// The content of a message with this sequence and TTL.
    #[must_use]
    pub fn new(
        message: &SessionMessage,
        sequence: u64,
        ttl: Option<Duration>,
        published_at: Timestamp,
    ) -> Self {
        let content = match message {
            SessionMessage::Record(record) => Content::Record {
                opened_at: record.opened_at,
                first_seen_at: record.first_seen_at,
                identity: identity_digest(record),
                page: page_digest(record),
                stale: ttl.is_some_and(|ttl| ttl <= STALE_RECORD_TTL),
            },
            SessionMessage::Tombstone(_) => Content::Tombstone { published_at },
        };
        Self {
            sequence,
            content,
            expires_at: ttl.map_or(Timestamp::MAX, |ttl| published_at + ttl),
        }
    }

    /// Whether it is a record with another page than this one.
    #[must_use]
    pub fn lacks_page(&self, known: &Record) -> bool {
        matches!(self.content, Content::Record { page, .. } if page != page_digest(known))
    }
}

/// Whether a record that replaces `before` knows less of the session's activity than the view.
///
/// False if the replaced record was complete: a record may lag behind, because the stream of activities has the rest.
#[must_use]
pub fn is_outdated(message: &SessionMessage, session: &Session, before: Option<StoredMessage>) -> bool {
    let lost = before.is_none_or(|before| before.content == Content::Outdated);
    match (message, session) {
        (SessionMessage::Record(record), Session::Opened(known)) => {
            lost && (record.last_activity_at < known.last_activity_at
                || record.received_at < known.received_at
                || record.page < known.page)
        }
        _ => false,
    }
}

/// A message to write to the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBack {
    /// The message.
    pub message: SessionMessage,
    /// Its TTL.
    pub ttl: Duration,
    /// The sequence of the message to replace; 0 if there must be none.
    pub expected: u64,
}

/// What must replace `stored`, if anything.
#[must_use]
pub fn wanted(session: &Session, stored: Option<StoredMessage>, active: bool) -> Option<WriteBack> {
    let expected = stored.map_or(0, |stored| stored.sequence);
    let content = stored.map(|stored| stored.content);
    match session {
        Session::Early { .. } => None,
        Session::Opened(record) => (!is_current(content, record, active)).then(|| WriteBack {
            message: SessionMessage::Record(record.clone()),
            ttl: if active { RECORD_TTL } else { STALE_RECORD_TTL },
            expected,
        }),
        Session::Closed { tombstone, heard_at } => {
            let fresh = matches!(
                content,
                Some(Content::Tombstone { published_at }) if *heard_at - published_at <= millis(renew_after(tombstone.ttl))
            );
            let message = || {
                SessionMessage::Tombstone(protocol::Tombstone {
                    received_at: *heard_at,
                    ..tombstone.clone()
                })
            };
            (!fresh).then(|| WriteBack {
                message: message(),
                ttl: tombstone.ttl,
                expected,
            })
        }
    }
}

/// Distinguishes identities and referrers with little memory per session.
fn identity_digest(record: &Record) -> u64 {
    FixedState::default().hash_one((record.identity(), &record.referrer))
}

/// Distinguishes pages with little memory per session.
fn page_digest(record: &Record) -> u64 {
    record
        .page
        .as_ref()
        .map_or(0, |seen| FixedState::default().hash_one(&seen.page))
}

/// Whether the content has everything of the record that clients are shown, with the right TTL. Later activities and pages
/// are in the stream of activities.
fn is_current(content: Option<Content>, record: &Record, active: bool) -> bool {
    match content {
        Some(Content::Record {
            opened_at,
            first_seen_at,
            identity,
            stale,
            page: _,
        }) => {
            opened_at == record.opened_at
                && identity == identity_digest(record)
                && (opened_at.is_some() || first_seen_at == record.first_seen_at)
                && stale != active
        }
        Some(Content::Outdated | Content::Tombstone { .. }) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::stream::{REMEMBER_CLOSINGS, tombstone_ttl};
    use protocol::time::unix_ms;
    use protocol::{Activity, Guid, Profile, Tombstone};

    fn guid() -> Guid {
        Guid::new("a").unwrap()
    }

    fn record(opened_at: Option<Timestamp>, at: Timestamp) -> Record {
        Record {
            guid: guid(),
            ip: "::1".into(),
            opened_at,
            first_seen_at: at,
            last_activity_at: at,
            received_at: at,
            profile: Profile::default(),
            unidentified: false,
            page: None,
            referrer: None,
            identified_at: None,
        }
    }

    fn stored(message: &SessionMessage, ttl: Duration) -> StoredMessage {
        StoredMessage::new(message, 7, Some(ttl), unix_ms(0))
    }

    #[test]
    fn writes_nothing_that_the_stream_holds() {
        let session = Session::Opened(record(Some(unix_ms(5)), unix_ms(5)));
        let stored = stored(
            &SessionMessage::Record(record(Some(unix_ms(5)), unix_ms(5))),
            RECORD_TTL,
        );
        assert_eq!(wanted(&session, Some(stored), true), None);
    }

    #[test]
    fn lost_record_is_written_again() {
        let write = wanted(&Session::Opened(record(Some(unix_ms(5)), unix_ms(5))), None, true).unwrap();
        assert_eq!((write.expected, write.ttl), (0, RECORD_TTL));
    }

    #[test]
    fn incomplete_record_is_replaced() {
        let session = Session::Opened(record(Some(unix_ms(5)), unix_ms(5)));
        let stored = stored(&SessionMessage::Record(record(None, unix_ms(50))), RECORD_TTL);
        assert_eq!(wanted(&session, Some(stored), true).unwrap().expected, 7);
    }

    #[test]
    fn record_with_an_older_identity_is_replaced() {
        let known = Record {
            identified_at: Some(unix_ms(3)),
            ..record(Some(unix_ms(5)), unix_ms(5))
        };
        let of_another_address = Record {
            ip: "::2".into(),
            ..known.clone()
        };
        for less in [record(Some(unix_ms(5)), unix_ms(5)), of_another_address] {
            let stored = stored(&SessionMessage::Record(less), RECORD_TTL);
            let write = wanted(&Session::Opened(known.clone()), Some(stored), true).unwrap();
            assert_eq!(write.message, SessionMessage::Record(known.clone()));
        }
    }

    #[test]
    fn earlier_keep_alive_is_added_to_the_record() {
        let mut session = Session::Opened(record(None, unix_ms(50)));
        session.fold_activity(&Activity::new(guid(), unix_ms(40), unix_ms(60)));
        let stored = stored(&SessionMessage::Record(record(None, unix_ms(50))), RECORD_TTL);
        assert!(wanted(&session, Some(stored), true).is_some());
    }

    #[test]
    fn ttl_follows_staleness() {
        let session = Session::Opened(record(Some(unix_ms(5)), unix_ms(5)));
        let long = stored(
            &SessionMessage::Record(record(Some(unix_ms(5)), unix_ms(5))),
            RECORD_TTL,
        );
        assert_eq!(wanted(&session, Some(long), false).unwrap().ttl, STALE_RECORD_TTL);
        let short = stored(
            &SessionMessage::Record(record(Some(unix_ms(5)), unix_ms(5))),
            STALE_RECORD_TTL,
        );
        assert_eq!(wanted(&session, Some(short), true).unwrap().ttl, RECORD_TTL);
        assert_eq!(wanted(&session, Some(short), false), None);
    }

    #[test]
    fn tombstone_replaces_a_record_and_is_renewed_by_late_events() {
        let tombstone = Tombstone {
            guid: guid(),
            closed_at: unix_ms(5),
            received_at: unix_ms(5),
            hidden: false,
            ttl: tombstone_ttl(REMEMBER_CLOSINGS),
        };
        let mut session = Session::of_message(SessionMessage::Tombstone(tombstone.clone()));
        let over_record = stored(
            &SessionMessage::Record(record(Some(unix_ms(5)), unix_ms(5))),
            RECORD_TTL,
        );
        assert_eq!(wanted(&session, Some(over_record), false).unwrap().expected, 7);
        let over_tombstone = stored(
            &SessionMessage::Tombstone(tombstone),
            tombstone_ttl(REMEMBER_CLOSINGS),
        );
        assert_eq!(wanted(&session, Some(over_tombstone), false), None);
        session.fold_activity(&Activity::new(
            guid(),
            unix_ms(6),
            unix_ms(0) + tombstone_ttl(REMEMBER_CLOSINGS),
        ));
        assert_eq!(
            wanted(&session, Some(over_tombstone), false).unwrap().ttl,
            tombstone_ttl(REMEMBER_CLOSINGS)
        );
    }
}
