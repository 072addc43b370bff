//! Reads an event from the emitter's JSON, without copying.

use std::borrow::Cow;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::event::kind::EventKind;
use crate::rejection::Rejection;
use crate::time::{Millis, parse_timestamp};
use crate::{guid, ip};

/// The largest event accepted, in bytes; also the largest payload of a batch.
pub const MAX_BYTES: usize = 64 * 1024;

/// One event, borrowed from the emitter's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// What happened.
    pub kind: EventKind,
    /// The session, in the emitter's case; it has passed [`guid::check`].
    pub guid: Cow<'a, str>,
    /// The visitor's address exactly as the emitter spelled it.
    pub ip: Cow<'a, str>,
    /// The emitter's timestamp, where it can be read.
    pub timestamp: Option<Millis>,
}

impl<'a> Event<'a> {
    /// Reads one event from the emitter's JSON.
    ///
    /// An unreadable timestamp is no reason to refuse an event: the time of receipt is used instead.
    ///
    /// # Errors
    /// The first reason found why the event cannot be used.
    pub fn parse(json: &'a [u8]) -> Result<Self, Rejection> {
        if json.len() > MAX_BYTES {
            return Err(Rejection::TooLarge);
        }
        let Fields {
            event_type,
            guid,
            ip,
            timestamp,
        } = fields(json).map_err(|error| {
            // Our visitor refuses nothing but a value that is no object; all else is the parser's word on the syntax.
            if error.is_data() {
                Rejection::NotAnObject
            } else {
                Rejection::NotJson
            }
        })?;
        let kind = EventKind::from_token(&event_type.text()?).ok_or(Rejection::UnknownEventType)?;
        let guid = guid.text()?;
        guid::check(&guid).map_err(|_| Rejection::BadGuid)?;
        let ip = ip.text()?;
        if !ip::is_plausible(&ip) {
            return Err(Rejection::BadIp);
        }
        let timestamp = timestamp.text().ok().and_then(|text| parse_timestamp(&text));
        Ok(Self {
            kind,
            guid,
            ip,
            timestamp,
        })
    }
}

/// Whether all of it is text is asked once, which costs less than asking for each name and value. Where it is not, the
/// event may still be good: what is wrong may lie in a field that nobody needs.
fn fields(json: &[u8]) -> serde_json::Result<Fields<'_>> {
    match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(json),
    }
}

/// The four fields of an event; what else an object holds is skipped.
#[derive(Default)]
struct Fields<'a> {
    event_type: Field<'a>,
    guid: Field<'a>,
    ip: Field<'a>,
    timestamp: Field<'a>,
}

/// One field, before anything is asked of it.
#[derive(Default)]
enum Field<'a> {
    #[default]
    Missing,
    Text(Cow<'a, str>),
    OtherType,
}

impl<'a> Field<'a> {
    fn text(self) -> Result<Cow<'a, str>, Rejection> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Missing => Err(Rejection::MissingField),
            Self::OtherType => Err(Rejection::WrongType),
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(Name(name)) = map.next_key()? {
            // A name that comes twice: the last one counts, as for JSON.parse on the emitter's side.
            match name.as_ref() {
                "eventType" => fields.event_type = map.next_value()?,
                "guid" => fields.guid = map.next_value()?,
                "ip" => fields.ip = map.next_value()?,
                "timestamp" => fields.timestamp = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

/// A field's name; a plain `Cow` would copy it.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(FieldVisitor)? {
            Field::Text(text) => Ok(Self(text)),
            Field::Missing | Field::OtherType => Err(de::Error::custom("a name that is no string")),
        }
    }
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::OtherType)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Field::OtherType)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Field::OtherType)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::OtherType)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::OtherType)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::OtherType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPENED: &str = r#"{"eventType":"session-opened","ip":"203.0.113.7","guid":"AB-1","timestamp":"2025-03-03T04:04:01.984Z"}"#;

    #[test]
    fn reads_an_event() {
        let event = Event::parse(OPENED.as_bytes()).unwrap();
        assert_eq!(event.kind, EventKind::SessionOpened);
        assert_eq!(event.guid, "AB-1");
        assert_eq!(event.ip, "203.0.113.7");
        assert_eq!(event.timestamp, Some(1_740_974_641_984));
        assert!(
            matches!(event.guid, Cow::Borrowed(_)),
            "the hot path copies nothing"
        );
    }

    #[test]
    fn unreadable_timestamps_are_no_reason_to_refuse() {
        for timestamp in ["\"soon\"", "17", "null", "{}"] {
            let json = format!(
                r#"{{"eventType":"keep-alive","ip":"::1","guid":"a","timestamp":{timestamp},"more":[1]}}"#
            );
            assert_eq!(Event::parse(json.as_bytes()).unwrap().timestamp, None);
        }
    }

    #[test]
    fn what_is_no_text_matters_only_where_it_is_needed() {
        let with = |name: &str, text: &[u8]| {
            [
                br#"{"ip":"::1","eventType":"keep-alive","guid":"a",""#,
                name.as_bytes(),
                b"\":\"",
                text,
                b"\"}",
            ]
            .concat()
        };
        assert_eq!(Event::parse(&with("guid", b"b")).unwrap().guid, "b");
        assert!(Event::parse(&with("more", b"\xff")).is_ok());
        assert_eq!(Event::parse(&with("guid", b"\xff")), Err(Rejection::NotJson));
    }

    #[test]
    fn each_reason_to_refuse() {
        let large = format!("{OPENED}{}", " ".repeat(MAX_BYTES));
        let cases: &[(&str, Rejection)] = &[
            ("", Rejection::NotJson),
            ("hello", Rejection::NotJson),
            (&OPENED[..OPENED.len() - 1], Rejection::NotJson),
            ("[1]", Rejection::NotAnObject),
            ("7", Rejection::NotAnObject),
            ("null", Rejection::NotAnObject),
            (r#"{"ip":"::1","guid":"a"}"#, Rejection::MissingField),
            (
                r#"{"eventType":"keep-alive","ip":"::1"}"#,
                Rejection::MissingField,
            ),
            (
                r#"{"eventType":"keep-alive","ip":null,"guid":"a"}"#,
                Rejection::MissingField,
            ),
            (r#"{"eventType":7,"ip":"::1","guid":"a"}"#, Rejection::WrongType),
            (
                r#"{"eventType":"keep-alive","ip":["::1"],"guid":"a"}"#,
                Rejection::WrongType,
            ),
            (
                r#"{"eventType":"keep-alive","ip":"::1","guid":{"x":1}}"#,
                Rejection::WrongType,
            ),
            (
                r#"{"eventType":"purchase","ip":"::1","guid":"a"}"#,
                Rejection::UnknownEventType,
            ),
            (
                r#"{"eventType":"keep-alive","ip":"::1","guid":"a b"}"#,
                Rejection::BadGuid,
            ),
            (
                r#"{"eventType":"keep-alive","ip":"localhost","guid":"a"}"#,
                Rejection::BadIp,
            ),
            (&large, Rejection::TooLarge),
        ];
        for (json, reason) in cases {
            assert_eq!(Event::parse(json.as_bytes()).unwrap_err(), *reason, "{json:.80}");
        }
    }

    proptest! {
        #[test]
        fn a_damaged_event_never_panics(cut in 0..OPENED.len(), byte: u8) {
            let mut json = OPENED.as_bytes().to_vec();
            json[cut] = byte;
            let _ = Event::parse(&json);
            prop_assert_eq!(Event::parse(&OPENED.as_bytes()[..cut]), Err(Rejection::NotJson));
        }
    }
}
