//! What the sessions' stream should say and does not: after it was lost, when a session goes stale or comes back, when
//! a tombstone gets old. Pure.
//!
//! Several gateways hold the same and write the same; the expected sequence lets one of them win.

use std::hash::BuildHasher as _;
use std::time::Duration;

use foldhash::quality::FixedState;
use protocol::stream::{RECORD_TTL, STALE_RECORD_TTL, renew_after};
use protocol::time::millis;
use protocol::{Millis, Record, SessionMessage};

use crate::view::session::Session;

/// What stands on a session's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// What it says.
    pub content: Content,
    /// When it expires.
    pub expires_at: Millis,
}

/// As much of a message as must be known to tell whether another should stand in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A record.
    Record {
        /// Its opened time.
        opened_at: Option<Millis>,
        /// Its earliest event.
        first_seen_at: Millis,
        /// A digest of who it says the visitor is.
        identity: u64,
        /// Whether it was given the time of a stale session.
        stale: bool,
    },
    /// A record that took the place of one that was lost, and says less than that one said.
    Outdated,
    /// A tombstone.
    Tombstone {
        /// When it was published.
        published_at: Millis,
    },
}

impl Standing {
    /// Of a message with that sequence and TTL.
    #[must_use]
    pub fn new(message: &SessionMessage, sequence: u64, ttl: Option<Duration>, published_at: Millis) -> Self {
        let content = match message {
            SessionMessage::Record(record) => Content::Record {
                opened_at: record.opened_at,
                first_seen_at: record.first_seen_at,
                identity: digest(record),
                stale: ttl.is_some_and(|ttl| ttl <= STALE_RECORD_TTL),
            },
            SessionMessage::Tombstone(_) => Content::Tombstone { published_at },
        };
        Self {
            sequence,
            content,
            expires_at: ttl.map_or(Millis::MAX, |ttl| published_at + millis(ttl)),
        }
    }
}

/// Whether a record that comes to stand where `before` stood knows less of the session's activity than is known here.
///
/// It is asked only where nothing is known to stand: otherwise the record that stands may lag behind, because the stream
/// of activities says the rest.
#[must_use]
pub fn is_outdated(message: &SessionMessage, session: &Session, before: Option<Standing>) -> bool {
    let lost = before.is_none_or(|before| before.content == Content::Outdated);
    match (message, session) {
        (SessionMessage::Record(record), Session::Opened(known)) => {
            lost && (record.last_activity_at < known.last_activity_at
                || record.received_at < known.received_at)
        }
        _ => false,
    }
}

/// A message that should stand in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBack {
    /// What to say.
    pub message: SessionMessage,
    /// For how long.
    pub ttl: Duration,
    /// The sequence of what is to be replaced; 0 where there must be nothing.
    pub expected: u64,
}

/// What should stand in the place of `standing`, if anything else.
#[must_use]
pub fn wanted(session: &Session, standing: Option<Standing>, active: bool) -> Option<WriteBack> {
    let expected = standing.map_or(0, |standing| standing.sequence);
    let content = standing.map(|standing| standing.content);
    match session {
        Session::Early { .. } => None,
        Session::Opened(record) => (!says(content, record, active)).then(|| WriteBack {
            message: SessionMessage::Record(record.clone()),
            ttl: if active { RECORD_TTL } else { STALE_RECORD_TTL },
            expected,
        }),
        Session::Closed { tombstone, heard_at } => {
            let fresh = matches!(
                content,
                Some(Content::Tombstone { published_at }) if heard_at - published_at <= millis(renew_after(tombstone.ttl))
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

/// Tells identities apart in as little memory as there is room for with every session.
fn digest(record: &Record) -> u64 {
    FixedState::default().hash_one(record.identity())
}

/// Whether the content says all that the record says and clients are shown, for as long as it should. Later activities
/// stand in the stream of activities.
fn says(content: Option<Content>, record: &Record, active: bool) -> bool {
    match content {
        Some(Content::Record {
            opened_at,
            first_seen_at,
            identity,
            stale,
        }) => {
            opened_at == record.opened_at
                && identity == digest(record)
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
    use protocol::{Activity, Guid, Profile, Tombstone};

    fn guid() -> Guid {
        Guid::new("a").unwrap()
    }

    fn record(opened_at: Option<Millis>, at: Millis) -> Record {
        Record {
            guid: guid(),
            ip: "::1".into(),
            opened_at,
            first_seen_at: at,
            last_activity_at: at,
            received_at: at,
            profile: Profile::default(),
            unidentified: false,
            identified_at: None,
        }
    }

    fn standing(message: &SessionMessage, ttl: Duration) -> Standing {
        Standing::new(message, 7, Some(ttl), 0)
    }

    #[test]
    fn nothing_where_the_stream_says_it() {
        let session = Session::Opened(record(Some(5), 5));
        let standing = standing(&SessionMessage::Record(record(Some(5), 5)), RECORD_TTL);
        assert_eq!(wanted(&session, Some(standing), true), None);
    }

    #[test]
    fn a_lost_record_is_put_back() {
        let write = wanted(&Session::Opened(record(Some(5), 5)), None, true).unwrap();
        assert_eq!((write.expected, write.ttl), (0, RECORD_TTL));
    }

    #[test]
    fn a_poorer_record_is_replaced() {
        let session = Session::Opened(record(Some(5), 5));
        let standing = standing(&SessionMessage::Record(record(None, 50)), RECORD_TTL);
        assert_eq!(wanted(&session, Some(standing), true).unwrap().expected, 7);
    }

    #[test]
    fn a_record_that_says_less_of_the_visitor_is_replaced() {
        let known = Record {
            identified_at: Some(3),
            ..record(Some(5), 5)
        };
        let of_another_address = Record {
            ip: "::2".into(),
            ..known.clone()
        };
        for less in [record(Some(5), 5), of_another_address] {
            let standing = standing(&SessionMessage::Record(less), RECORD_TTL);
            let write = wanted(&Session::Opened(known.clone()), Some(standing), true).unwrap();
            assert_eq!(write.message, SessionMessage::Record(known.clone()));
        }
    }

    #[test]
    fn an_earlier_keep_alive_known_only_here_is_put_into_the_record() {
        let mut session = Session::Opened(record(None, 50));
        session.fold_activity(&Activity(guid(), 40, 60));
        let standing = standing(&SessionMessage::Record(record(None, 50)), RECORD_TTL);
        assert!(wanted(&session, Some(standing), true).is_some());
    }

    #[test]
    fn a_stale_record_gets_less_time_and_an_active_one_more() {
        let session = Session::Opened(record(Some(5), 5));
        let long = standing(&SessionMessage::Record(record(Some(5), 5)), RECORD_TTL);
        assert_eq!(wanted(&session, Some(long), false).unwrap().ttl, STALE_RECORD_TTL);
        let short = standing(&SessionMessage::Record(record(Some(5), 5)), STALE_RECORD_TTL);
        assert_eq!(wanted(&session, Some(short), true).unwrap().ttl, RECORD_TTL);
        assert_eq!(wanted(&session, Some(short), false), None);
    }

    #[test]
    fn a_closing_replaces_a_record_and_is_renewed_when_heard_of() {
        let tombstone = Tombstone {
            guid: guid(),
            closed_at: 5,
            received_at: 5,
            hidden: false,
            ttl: tombstone_ttl(REMEMBER_CLOSINGS),
        };
        let mut session = Session::of_message(SessionMessage::Tombstone(tombstone.clone()));
        let over_record = standing(&SessionMessage::Record(record(Some(5), 5)), RECORD_TTL);
        assert_eq!(wanted(&session, Some(over_record), false).unwrap().expected, 7);
        let over_tombstone = standing(
            &SessionMessage::Tombstone(tombstone),
            tombstone_ttl(REMEMBER_CLOSINGS),
        );
        assert_eq!(wanted(&session, Some(over_tombstone), false), None);
        session.fold_activity(&Activity(guid(), 6, millis(tombstone_ttl(REMEMBER_CLOSINGS))));
        assert_eq!(
            wanted(&session, Some(over_tombstone), false).unwrap().ttl,
            tombstone_ttl(REMEMBER_CLOSINGS)
        );
    }
}
