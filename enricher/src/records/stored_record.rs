//! The stored message of a session, and what a record adds to it. Pure.

use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use protocol::stream::RECORD_TTL;
use protocol::time::millis;
use protocol::{Millis, Record, SessionMessage};
use service::{clock, last_message};

use crate::records::sessions::{PublishOutcome, Published};

/// The message that the stream holds for a session.
#[derive(Debug)]
pub struct StoredRecord {
    /// The record or tombstone.
    pub message: SessionMessage,
    pub sequence: u64,
    /// When it was published, by this process's monotonic clock.
    pub published_at: Millis,
    /// Its TTL, if it has one.
    pub ttl: Option<Duration>,
}

/// What a record adds to the stored message.
#[derive(Debug)]
pub enum Addition {
    /// Nothing: the stored message says everything.
    None(PublishOutcome),
    /// This record must replace the stored one.
    Record(Record),
}

impl StoredRecord {
    /// Parses a message of the stream of sessions.
    ///
    /// # Errors
    /// If it is neither a record nor a tombstone.
    pub fn read(message: &StreamMessage) -> Result<Self, serde_json::Error> {
        let ttl = last_message::ttl(&message.headers);
        let mut content = serde_json::from_slice(&message.payload)?;
        if let (SessionMessage::Tombstone(tombstone), Some(ttl)) = (&mut content, ttl) {
            tombstone.ttl = ttl;
        }
        Ok(Self {
            message: content,
            sequence: message.sequence,
            published_at: clock::uptime_at(last_message::timestamp(message.time)),
            ttl,
        })
    }

    /// What the message says about its session.
    pub fn outcome(self) -> PublishOutcome {
        match self.message {
            SessionMessage::Tombstone(tombstone) => PublishOutcome::Closed(tombstone, self.published_at),
            SessionMessage::Record(record) => {
                PublishOutcome::Published(Published::of(&record, self.published_at))
            }
        }
    }

    /// What `record` adds to the stored message.
    pub fn add(self, record: &Record, now: Millis) -> Addition {
        let SessionMessage::Record(before) = &self.message else {
            return Addition::None(self.outcome());
        };
        let mut merged = before.clone();
        merged.merge(record);
        let says_the_same = merged.opened_at == before.opened_at
            && merged.shown_opened_at() == before.shown_opened_at()
            && merged.referrer == before.referrer
            && merged.identity() == before.identity();
        if says_the_same && !self.expires_soon(now) {
            Addition::None(self.outcome())
        } else {
            Addition::Record(merged)
        }
    }

    /// Whether its TTL is shorter than that of an active session, or half of it is used up.
    fn expires_soon(&self, now: Millis) -> bool {
        self.ttl.is_none_or(|ttl| ttl < RECORD_TTL) || now - self.published_at > millis(RECORD_TTL) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::stream::{REMEMBER_CLOSINGS, tombstone_ttl};
    use protocol::time::unix_ms;
    use protocol::{Guid, Profile, Timestamp, Tombstone};

    fn record(opened_at: Option<Timestamp>, first_seen_at: Timestamp) -> Record {
        Record {
            guid: Guid::new("a").unwrap(),
            ip: "::1".into(),
            opened_at,
            first_seen_at,
            last_activity_at: first_seen_at,
            received_at: first_seen_at,
            profile: Profile::default(),
            unidentified: false,
            page: None,
            referrer: None,
            identified_at: None,
        }
    }

    fn stored(message: SessionMessage) -> StoredRecord {
        StoredRecord {
            message,
            sequence: 1,
            published_at: 0,
            ttl: Some(RECORD_TTL),
        }
    }

    fn adds_nothing(addition: &Addition) -> bool {
        matches!(addition, Addition::None(PublishOutcome::Published(_)))
    }

    #[test]
    fn only_a_better_opening_is_added() {
        let out = |opened_at| stored(SessionMessage::Record(record(opened_at, unix_ms(10))));
        assert!(adds_nothing(
            &out(Some(unix_ms(10))).add(&record(None, unix_ms(5)), 20)
        ));
        assert!(adds_nothing(&out(None).add(&record(None, unix_ms(15)), 20)));
        let Addition::Record(merged) = out(None).add(&record(Some(unix_ms(7)), unix_ms(7)), 20) else {
            panic!("an opening must be taken over");
        };
        assert_eq!(merged.opened_at, Some(unix_ms(7)));
        assert!(matches!(
            out(None).add(&record(None, unix_ms(5)), 20),
            Addition::Record(_)
        ));
    }

    #[test]
    fn later_lookup_is_added_with_its_address() {
        let found = |ip: &str, identified_at| Record {
            ip: ip.into(),
            identified_at,
            ..record(Some(unix_ms(10)), unix_ms(10))
        };
        let out = || stored(SessionMessage::Record(found("::1", Some(unix_ms(5)))));
        for less in [
            found("::2", None),
            found("::2", Some(unix_ms(4))),
            found("::1", Some(unix_ms(5))),
        ] {
            assert!(adds_nothing(&out().add(&less, 20)), "{less:?}");
        }
        let Addition::Record(merged) = out().add(&found("::2", Some(unix_ms(6))), 20) else {
            panic!("a later finding must be taken over");
        };
        assert_eq!((&*merged.ip, merged.identified_at), ("::2", Some(unix_ms(6))));
    }

    #[test]
    fn old_record_is_published_again() {
        let half = millis(RECORD_TTL) / 2;
        let out = || stored(SessionMessage::Record(record(Some(unix_ms(10)), unix_ms(10))));
        assert!(adds_nothing(&out().add(&record(None, unix_ms(20)), half)));
        assert!(matches!(
            out().add(&record(None, unix_ms(20)), half + 1),
            Addition::Record(_)
        ));
        let gone_stale = StoredRecord {
            ttl: Some(RECORD_TTL / 2),
            ..out()
        };
        assert!(matches!(
            gone_stale.add(&record(None, unix_ms(20)), 20),
            Addition::Record(_)
        ));
    }

    #[test]
    fn tombstone_is_never_changed() {
        let tombstone = Tombstone {
            guid: Guid::new("a").unwrap(),
            closed_at: unix_ms(5),
            received_at: unix_ms(5),
            hidden: false,
            ttl: tombstone_ttl(REMEMBER_CLOSINGS),
        };
        let out = stored(SessionMessage::Tombstone(tombstone.clone()));
        assert!(matches!(
            out.add(&record(Some(unix_ms(1)), unix_ms(1)), 20),
            Addition::None(PublishOutcome::Closed(found, 0)) if found == tombstone
        ));
    }
}
