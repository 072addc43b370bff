//! The JSON of records and tombstones.

use std::ops::Not;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::event::EventKind;
use crate::guid::Guid;
use crate::ip;
use crate::page::{Page, SeenPage, SeenReferrer, kept_page, kept_referrer};
use crate::record::profile::{Company, Contact, Profile};
use crate::record::session::{Record, Tombstone};
use crate::stream::{REMEMBER_CLOSINGS, tombstone_ttl};
use crate::time::{Timestamp, is_plausible};

/// A message on `visitor.session.<guid>`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wire")]
pub enum SessionMessage {
    /// The session is active.
    Record(Record),
    /// The session has ended.
    Tombstone(Tombstone),
}

impl SessionMessage {
    /// The session.
    #[must_use]
    pub fn guid(&self) -> &Guid {
        match self {
            Self::Record(record) => &record.guid,
            Self::Tombstone(tombstone) => &tombstone.guid,
        }
    }

    /// When the ingestor received the latest event that it includes.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        match self {
            Self::Record(record) => record.received_at,
            Self::Tombstone(tombstone) => tombstone.received_at,
        }
    }
}

/// The JSON of a record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordJson<'a> {
    guid: &'a Guid,
    ip: &'a str,
    event: &'static str,
    opened_at: Option<Timestamp>,
    first_seen_at: Timestamp,
    last_activity_at: Timestamp,
    received_at: Timestamp,
    company: Option<&'a Company>,
    contact: Option<&'a Contact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'a Page>,
    /// Only if it is not the time of the last activity.
    #[serde(skip_serializing_if = "Option::is_none")]
    page_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a str>,
    /// Only if it is not the time of the earliest event.
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Not::not")]
    unidentified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    identified_at: Option<Timestamp>,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = if self.opened_at.is_some() {
            EventKind::SessionOpened
        } else {
            EventKind::KeepAlive
        };
        let (page, referrer) = (self.page.as_ref(), self.referrer.as_ref());
        let page_at = page.map(|page| page.at);
        let referrer_at = referrer.map(|referrer| referrer.at);
        RecordJson {
            guid: &self.guid,
            ip: &self.ip,
            event: event.token(),
            opened_at: self.opened_at,
            first_seen_at: self.first_seen_at,
            last_activity_at: self.last_activity_at,
            received_at: self.received_at,
            company: self.profile.company.as_deref(),
            contact: self.profile.contact.as_deref(),
            network: self.profile.network.as_deref(),
            country: self.profile.country.as_deref(),
            page: page.map(|page| &*page.page),
            page_at: page_at.filter(|at| *at != self.last_activity_at),
            referrer: referrer.map(|referrer| &*referrer.url),
            referrer_at: referrer_at.filter(|at| *at != self.first_seen_at),
            unidentified: self.unidentified,
            identified_at: self.identified_at,
        }
        .serialize(serializer)
    }
}

/// The JSON of a tombstone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TombstoneJson<'a> {
    guid: &'a Guid,
    event: &'static str,
    closed_at: Timestamp,
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Not::not")]
    hidden: bool,
}

impl Serialize for Tombstone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TombstoneJson {
            guid: &self.guid,
            event: EventKind::SessionClosed.token(),
            closed_at: self.closed_at,
            received_at: self.received_at,
            hidden: self.hidden,
        }
        .serialize(serializer)
    }
}

impl Serialize for SessionMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Record(record) => record.serialize(serializer),
            Self::Tombstone(tombstone) => tombstone.serialize(serializer),
        }
    }
}

/// The JSON of either message, before `event` decides which it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    guid: Guid,
    event: Box<str>,
    received_at: Timestamp,
    ip: Option<Box<str>>,
    opened_at: Option<Timestamp>,
    first_seen_at: Option<Timestamp>,
    last_activity_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    company: Option<Arc<Company>>,
    contact: Option<Arc<Contact>>,
    network: Option<Arc<str>>,
    country: Option<Arc<str>>,
    #[serde(default)]
    unidentified: bool,
    identified_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "kept_page")]
    page: Option<Page>,
    /// When the page was seen; by default at the last activity.
    page_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "kept_referrer")]
    referrer: Option<Arc<str>>,
    /// When the referrer was reported; by default with the earliest event.
    referrer_at: Option<Timestamp>,
    #[serde(default)]
    hidden: bool,
}

/// A message on `visitor.session.<guid>` that is neither a record nor a tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// A field that this kind of message must have is missing.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// `event` is neither of the known values.
    #[error("unknown event")]
    UnknownEvent,
    /// An address with characters that do not occur in addresses.
    #[error("unusable ip")]
    BadIp,
    /// An impossible time.
    #[error("unusable time")]
    BadTime,
}

impl TryFrom<Wire> for SessionMessage {
    type Error = InvalidMessage;

    fn try_from(wire: Wire) -> Result<Self, InvalidMessage> {
        if !wire.times().all(is_plausible) {
            return Err(InvalidMessage::BadTime);
        }
        let is = |kind: EventKind| *wire.event == *kind.token();
        if is(EventKind::SessionClosed) {
            wire.tombstone().map(Self::Tombstone)
        } else if is(EventKind::SessionOpened) || is(EventKind::KeepAlive) {
            wire.record().map(Self::Record)
        } else {
            Err(InvalidMessage::UnknownEvent)
        }
    }
}

impl Wire {
    fn times(&self) -> impl Iterator<Item = Timestamp> {
        let times = [
            Some(self.received_at),
            self.opened_at,
            self.first_seen_at,
            self.last_activity_at,
            self.closed_at,
            self.identified_at,
            self.page_at,
            self.referrer_at,
        ];
        times.into_iter().flatten()
    }

    fn tombstone(self) -> Result<Tombstone, InvalidMessage> {
        Ok(Tombstone {
            guid: self.guid,
            closed_at: self.closed_at.ok_or(InvalidMessage::Missing("closedAt"))?,
            received_at: self.received_at,
            hidden: self.hidden,
            ttl: tombstone_ttl(REMEMBER_CLOSINGS),
        })
    }

    fn record(self) -> Result<Record, InvalidMessage> {
        let missing = InvalidMessage::Missing;
        let ip = self.ip.ok_or(missing("ip"))?;
        if !ip::is_plausible(&ip) {
            return Err(InvalidMessage::BadIp);
        }
        let first_seen_at = self.first_seen_at.ok_or(missing("firstSeenAt"))?;
        let last_activity_at = self.last_activity_at.ok_or(missing("lastActivityAt"))?;
        Ok(Record {
            guid: self.guid,
            ip,
            opened_at: self.opened_at,
            first_seen_at,
            last_activity_at,
            received_at: self.received_at,
            profile: Profile {
                company: self.company,
                contact: self.contact,
                network: self.network,
                country: self.country,
            },
            unidentified: self.unidentified,
            identified_at: self.identified_at,
            page: self.page.map(|page| SeenPage {
                at: self.page_at.unwrap_or(last_activity_at),
                page: Arc::new(page),
            }),
            referrer: self.referrer.map(|url| SeenReferrer {
                at: self.referrer_at.unwrap_or(first_seen_at),
                url,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_forms_are_frozen() {
        for fixture in [
            include_str!("../../fixtures/record.json"),
            include_str!("../../fixtures/record-unknown.json"),
            include_str!("../../fixtures/record-unidentified.json"),
            include_str!("../../fixtures/record-network.json"),
            include_str!("../../fixtures/record-page.json"),
            include_str!("../../fixtures/record-page-earlier.json"),
            include_str!("../../fixtures/tombstone.json"),
            include_str!("../../fixtures/tombstone-hidden.json"),
        ] {
            let message: SessionMessage = serde_json::from_str(fixture).unwrap();
            assert_eq!(serde_json::to_string(&message).unwrap(), fixture.trim());
        }
    }

    #[test]
    fn unusable_page_is_left_out_of_a_record() {
        let json = |more: &str| {
            let record = include_str!("../../fixtures/record-unknown.json").trim();
            format!("{},{more}}}", record.strip_suffix('}').unwrap())
        };
        for more in [
            r#""page":7,"referrer":[]"#,
            r#""page":{"title":"x"},"referrer":"a\u001bb""#,
            r#""page":null,"pageAt":5,"referrer":null"#,
        ] {
            let SessionMessage::Record(record) = serde_json::from_str(&json(more)).unwrap() else {
                panic!("{more}")
            };
            assert_eq!((record.page, record.referrer), (None, None), "{more}");
        }
        assert!(serde_json::from_str::<SessionMessage>(&json(r#""pageAt":-1"#)).is_err());
    }

    #[test]
    fn refuses_what_is_neither() {
        for json in [
            r#"{"guid":"a","event":"keep-alive","receivedAt":1}"#,
            r#"{"guid":"a","event":"session-closed","receivedAt":1}"#,
            r#"{"guid":"a","event":"purchase","receivedAt":1,"ip":"::1"}"#,
            r#"{"guid":"a.b","event":"session-closed","receivedAt":1,"closedAt":1}"#,
            "[]",
        ] {
            assert!(serde_json::from_str::<SessionMessage>(json).is_err(), "{json}");
        }
    }
}
