//! The JSON of records and tombstones.

use std::sync::Arc;

use serde::ser::SerializeStruct;
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

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = if self.opened_at.is_some() {
            EventKind::SessionOpened
        } else {
            EventKind::KeepAlive
        };
        let optional = usize::from(self.unidentified) + usize::from(self.identified_at.is_some());
        let (network, country) = (&self.profile.network, &self.profile.country);
        let optional = optional + usize::from(network.is_some()) + usize::from(country.is_some());
        let page_at = self
            .page
            .as_ref()
            .map(|page| page.at)
            .filter(|at| *at != self.last_activity_at);
        let referrer_at = self
            .referrer
            .as_ref()
            .map(|referrer| referrer.at)
            .filter(|at| *at != self.first_seen_at);
        let optional = optional
            + usize::from(self.page.is_some())
            + usize::from(self.referrer.is_some())
            + usize::from(page_at.is_some())
            + usize::from(referrer_at.is_some());
        let mut object = serializer.serialize_struct("Record", 9 + optional)?;
        object.serialize_field("guid", &self.guid)?;
        object.serialize_field("ip", &self.ip)?;
        object.serialize_field("event", event.token())?;
        object.serialize_field("openedAt", &self.opened_at)?;
        object.serialize_field("firstSeenAt", &self.first_seen_at)?;
        object.serialize_field("lastActivityAt", &self.last_activity_at)?;
        object.serialize_field("receivedAt", &self.received_at)?;
        object.serialize_field("company", &self.profile.company)?;
        object.serialize_field("contact", &self.profile.contact)?;
        if let Some(network) = network {
            object.serialize_field("network", network)?;
        }
        if let Some(country) = country {
            object.serialize_field("country", country)?;
        }
        if let Some(page) = &self.page {
            object.serialize_field("page", &page.page)?;
        }
        if let Some(page_at) = page_at {
            object.serialize_field("pageAt", &page_at)?;
        }
        if let Some(referrer) = &self.referrer {
            object.serialize_field("referrer", &referrer.url)?;
        }
        if let Some(referrer_at) = referrer_at {
            object.serialize_field("referrerAt", &referrer_at)?;
        }
        if self.unidentified {
            object.serialize_field("unidentified", &true)?;
        }
        if let Some(identified_at) = &self.identified_at {
            object.serialize_field("identifiedAt", identified_at)?;
        }
        object.end()
    }
}

impl Serialize for Tombstone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Tombstone", 4 + usize::from(self.hidden))?;
        object.serialize_field("guid", &self.guid)?;
        object.serialize_field("event", EventKind::SessionClosed.token())?;
        object.serialize_field("closedAt", &self.closed_at)?;
        object.serialize_field("receivedAt", &self.received_at)?;
        if self.hidden {
            object.serialize_field("hidden", &true)?;
        }
        object.end()
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
        let missing = InvalidMessage::Missing;
        let times = [
            Some(wire.received_at),
            wire.opened_at,
            wire.first_seen_at,
            wire.last_activity_at,
            wire.closed_at,
            wire.identified_at,
            wire.page_at,
            wire.referrer_at,
        ];
        if !times.into_iter().flatten().all(is_plausible) {
            return Err(InvalidMessage::BadTime);
        }
        if *wire.event == *EventKind::SessionClosed.token() {
            return Ok(Self::Tombstone(Tombstone {
                guid: wire.guid,
                closed_at: wire.closed_at.ok_or(missing("closedAt"))?,
                received_at: wire.received_at,
                hidden: wire.hidden,
                ttl: tombstone_ttl(REMEMBER_CLOSINGS),
            }));
        }
        if *wire.event != *EventKind::SessionOpened.token() && *wire.event != *EventKind::KeepAlive.token() {
            return Err(InvalidMessage::UnknownEvent);
        }
        let ip = wire.ip.ok_or(missing("ip"))?;
        if !ip::is_plausible(&ip) {
            return Err(InvalidMessage::BadIp);
        }
        let first_seen_at = wire.first_seen_at.ok_or(missing("firstSeenAt"))?;
        let last_activity_at = wire.last_activity_at.ok_or(missing("lastActivityAt"))?;
        Ok(Self::Record(Record {
            guid: wire.guid,
            ip,
            opened_at: wire.opened_at,
            first_seen_at,
            last_activity_at,
            received_at: wire.received_at,
            profile: Profile {
                company: wire.company,
                contact: wire.contact,
                network: wire.network,
                country: wire.country,
            },
            unidentified: wire.unidentified,
            identified_at: wire.identified_at,
            page: wire.page.map(|page| SeenPage {
                at: wire.page_at.unwrap_or(last_activity_at),
                page: Arc::new(page),
            }),
            referrer: wire.referrer.map(|url| SeenReferrer {
                at: wire.referrer_at.unwrap_or(first_seen_at),
                url,
            }),
        }))
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
