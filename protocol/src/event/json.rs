//! Reads an event from the emitter's JSON, without copying.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::event::kind::EventKind;
use crate::field::{Field, Name};
use crate::page::{PageField, Reported};
use crate::rejection::Rejection;
use crate::time::{Timestamp, parse_timestamp};
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
    /// The emitter's timestamp, if it can be read.
    pub timestamp: Option<Timestamp>,
    /// Page and referrer, if the emitter sends them.
    pub reported: Reported<'a>,
}

impl<'a> Event<'a> {
    /// Reads one event from the emitter's JSON.
    ///
    /// An unreadable timestamp is not a reason to reject an event: the time of receipt is used instead. Neither is an
    /// unusable page or referrer, which is omitted.
    ///
    /// # Errors
    /// Returns the first reason found why the event cannot be used.
    pub fn parse(json: &'a [u8]) -> Result<Self, Rejection> {
        if json.len() > MAX_BYTES {
            return Err(Rejection::TooLarge);
        }
        let Fields {
            event_type,
            guid,
            ip,
            timestamp,
            reported,
        } = fields(json).map_err(|error| {
            // Our visitor rejects only values that are not objects. Any other error is a syntax error.
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
            reported,
        })
    }
}

/// UTF-8 is validated once for the whole frame, which costs less than for each name and value. If it is invalid, the event
/// may still be usable, because the error may be in a field that is ignored.
fn fields(json: &[u8]) -> serde_json::Result<Fields<'_>> {
    match std::str::from_utf8(json) {
        // A page with half a surrogate pair in its title is not valid text: the event is parsed again without it.
        Ok(text) => read(serde_json::Deserializer::from_str(text), true)
            .or_else(|_| read(serde_json::Deserializer::from_str(text), false)),
        Err(_) => read(serde_json::Deserializer::from_slice(json), false),
    }
}

fn read<'de>(
    mut json: serde_json::Deserializer<impl serde_json::de::Read<'de>>,
    with_page: bool,
) -> serde_json::Result<Fields<'de>> {
    let fields = ReadFields { with_page }.deserialize(&mut json)?;
    json.end()?;
    Ok(fields)
}

/// The fields of an event; other fields are skipped.
#[derive(Default)]
struct Fields<'a> {
    event_type: Field<'a>,
    guid: Field<'a>,
    ip: Field<'a>,
    timestamp: Field<'a>,
    reported: Reported<'a>,
}

/// Reads the fields of an event, including page and referrer if `with_page` is set.
struct ReadFields {
    with_page: bool,
}

impl<'de> DeserializeSeed<'de> for ReadFields {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReadFields {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        let (mut page, mut referrer) = (PageField::Missing, Field::Missing);
        while let Some(Name(name)) = map.next_key()? {
            // If a name occurs twice, the last value counts, as in JSON.parse on the emitter's side.
            match name.as_ref() {
                "eventType" => fields.event_type = map.next_value()?,
                "guid" => fields.guid = map.next_value()?,
                "ip" => fields.ip = map.next_value()?,
                "timestamp" => fields.timestamp = map.next_value()?,
                "page" if self.with_page => page = map.next_value()?,
                "referrer" if self.with_page => referrer = map.next_value()?,
                name => {
                    fields.reported.page_dropped |= name == "page";
                    fields.reported.referrer_dropped |= name == "referrer";
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if self.with_page {
            fields.reported = Reported::of(page, referrer);
        }
        Ok(fields)
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
        assert_eq!(event.timestamp, Some(Timestamp::from_unix_ms(1_740_974_641_984)));
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
    fn invalid_utf8_is_rejected_only_in_required_fields() {
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

    #[test]
    fn reads_page_and_referrer() {
        let with = |more: &str| format!(r#"{{"eventType":"keep-alive","ip":"::1","guid":"a",{more}}}"#);
        let json = with(
            r#""page":{"title":"Tea \"Oolong\"","url":"https://shop.example/tea","more":[]},"referrer":"https://search.example/""#,
        );
        let reported = Event::parse(json.as_bytes()).unwrap().reported;
        let page = reported.page.unwrap();
        assert_eq!(
            (&*page.url, &*page.title),
            ("https://shop.example/tea", "Tea \"Oolong\"")
        );
        assert_eq!(reported.referrer.as_deref(), Some("https://search.example/"));
        for more in [
            r#""page":null,"referrer":null"#,
            r#""referrer":"""#,
            r#""more":1"#,
        ] {
            assert_eq!(
                Event::parse(with(more).as_bytes()).unwrap().reported,
                Reported::default(),
                "{more}"
            );
        }
    }

    #[test]
    fn unusable_page_or_referrer_is_dropped_alone() {
        let long = "x".repeat(2_001);
        let cases = [
            (r#""page":7"#.to_owned(), (true, false, false)),
            (r#""page":"/a""#.to_owned(), (true, false, false)),
            (r#""page":["/a"]"#.to_owned(), (true, false, false)),
            (r#""page":{}"#.to_owned(), (true, false, false)),
            (r#""page":{"url":""}"#.to_owned(), (true, false, false)),
            (r#""page":{"url":{"url":"/a"}}"#.to_owned(), (true, false, false)),
            (r#""page":{"url":"/a\u001b[2J"}"#.to_owned(), (true, false, false)),
            (format!(r#""page":{{"url":"{long}"}}"#), (true, false, false)),
            (
                r#""page":{"url":"/a","title":false}"#.to_owned(),
                (false, true, false),
            ),
            (
                r#""page":{"url":"/a","title":"a\nb"}"#.to_owned(),
                (false, true, false),
            ),
            (
                format!(r#""page":{{"url":"/a","title":"{}"}}"#, &long[..301]),
                (false, true, false),
            ),
            (
                r#""page":{"url":"/a","title":"\ud83d"}"#.to_owned(),
                (true, false, false),
            ),
            (r#""referrer":{"url":"/a"}"#.to_owned(), (false, false, true)),
            (format!(r#""referrer":"{long}""#), (false, false, true)),
            (
                r#""referrer":"\u0000","page":1.5"#.to_owned(),
                (true, false, true),
            ),
        ];
        for (more, dropped) in cases {
            let json = format!(r#"{{{more},"eventType":"keep-alive","ip":"::1","guid":"a"}}"#);
            let reported = Event::parse(json.as_bytes()).unwrap().reported;
            assert_eq!(
                (
                    reported.page_dropped,
                    reported.title_dropped,
                    reported.referrer_dropped
                ),
                dropped,
                "{more:.60}"
            );
            assert_eq!(reported.page.is_some(), dropped.1, "{more:.60}");
            assert_eq!(reported.referrer, None);
        }
        let no_text = [
            &br#"{"eventType":"keep-alive","ip":"::1","guid":"a","page":{"url":"/"#[..],
            b"\xff",
            br#""}}"#,
        ]
        .concat();
        assert!(Event::parse(&no_text).unwrap().reported.page_dropped);
    }

    #[test]
    fn longest_page_is_kept() {
        let fits = format!(
            r#"{{"eventType":"keep-alive","ip":"::1","guid":"a","page":{{"url":"{}","title":"{}"}}}}"#,
            "\u{1f375}".repeat(2_000),
            "\u{1f375}".repeat(300)
        );
        assert!(Event::parse(fits.as_bytes()).unwrap().reported.page.is_some());
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
