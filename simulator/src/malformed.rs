//! Messages that are not valid events: complete WebSocket messages with the wrong content.

use bytes::Bytes;
use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::{emitter_fault::Fault, event::Event};

/// One WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
}

/// A megabyte of text that is not an event.
#[must_use]
pub fn megabyte() -> String {
    json!({ "eventType": "x".repeat(1 << 20) }).to_string()
}

/// The malformed message for an event; `None` if the fault does not affect messages.
#[must_use]
pub fn message(fault: Fault, event: &Event, rng: &mut ChaCha8Rng) -> Option<Message> {
    let text = match fault {
        Fault::NotJson => pick(
            rng,
            &[
                "",
                "hello",
                "<html></html>",
                "{'eventType':'keep-alive'}",
                "\u{0}",
                "NaN",
            ],
        )
        .to_owned(),
        Fault::TruncatedJson => truncated(event, rng),
        Fault::BinaryJson => return Some(Message::Binary(event.to_json().into())),
        Fault::BinaryGarbage => return Some(Message::Binary(rng.random::<[u8; 64]>().to_vec().into())),
        Fault::UnknownEventType => with(
            event,
            "eventType",
            json!(pick(rng, &["session-paused", "KEEP-ALIVE", ""])),
        ),
        Fault::MissingFields => without(event, pick(rng, &FIELDS)),
        Fault::WrongTypes => with(event, pick(rng, &FIELDS), pick_value(rng)),
        Fault::MegabyteFrame => megabyte(),
        Fault::OddIp => with(event, "ip", json!(odd_ip(rng))),
        _ => return None,
    };
    Some(Message::Text(text))
}

/// The event in the message if it is valid nevertheless, because only its timestamp is missing; then the time of receipt
/// counts.
#[must_use]
pub fn remains(message: &Message, event: &Event) -> Option<Event> {
    let bytes = match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
    };
    let mut found: Value = serde_json::from_slice(bytes).ok()?;
    let timestamp = found.as_object_mut()?.remove("timestamp").unwrap_or_default();
    let mut expected = json!(event);
    expected.as_object_mut()?.remove("timestamp");
    (found == expected).then(|| Event {
        timestamp: timestamp.as_str().unwrap_or_default().to_owned(),
        ..event.clone()
    })
}

const FIELDS: [&str; 4] = ["eventType", "ip", "guid", "timestamp"];

fn truncated(event: &Event, rng: &mut ChaCha8Rng) -> String {
    let json = event.to_json();
    // Simulated events are ASCII, so every index is a character boundary.
    let end = rng.random_range(1..json.len());
    json.get(..end).unwrap_or("{").to_owned()
}

fn with(event: &Event, field: &str, value: Value) -> String {
    let mut object = json!(event);
    object[field] = value;
    object.to_string()
}

fn without(event: &Event, field: &str) -> String {
    let mut object = json!(event);
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
    object.to_string()
}

fn odd_ip(rng: &mut ChaCha8Rng) -> String {
    let long = "1".repeat(46);
    pick(
        rng,
        &[
            "localhost",
            "<b>1.2.3.4</b>",
            "1.2.3.4/8",
            " 1.2.3.4",
            "",
            "fe80::1%eth0",
            &long,
        ],
    )
    .to_owned()
}

fn pick<'a>(rng: &mut ChaCha8Rng, words: &[&'a str]) -> &'a str {
    words.choose(rng).copied().unwrap_or_default()
}

fn pick_value(rng: &mut ChaCha8Rng) -> Value {
    [Value::Null, json!(7), json!(true), json!([]), json!({})]
        .choose(rng)
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use strum::VariantArray;

    use super::*;
    use crate::{
        emitter_fault::{Fault, Occurrence},
        event::EventKind,
    };

    fn event() -> Event {
        Event::at(
            EventKind::KeepAlive,
            "9d8802fe-631a-4591-b1d8-c030870dea05",
            "203.0.113.7",
            0,
        )
    }

    /// Whether the message is a good event with the address of [`event`].
    fn is_good(message: &Message) -> bool {
        let Message::Text(text) = message else {
            return false;
        };
        serde_json::from_str::<Event>(text).is_ok_and(|good| good.ip == event().ip)
    }

    #[test]
    fn no_broken_text_is_an_event_with_a_plausible_address() {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let small = |fault: &&Fault| **fault != Fault::MegabyteFrame;
        for fault in Fault::VARIANTS.iter().filter(small).cycle().take(5_000) {
            let message = message(*fault, &event(), rng);
            assert!(!message.as_ref().is_some_and(is_good), "{fault}: {message:?}");
        }
        assert!(!is_good(&Message::Text(megabyte())));
    }

    #[test]
    fn every_fault_of_events_has_a_message_and_no_other() {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        for fault in Fault::VARIANTS {
            let is_of_events = matches!(fault.occurrence(), Occurrence::Events(_));
            assert_eq!(message(*fault, &event(), rng).is_some(), is_of_events, "{fault}");
        }
    }

    #[test]
    fn event_that_lacks_only_its_timestamp_is_valid() {
        let untimed = Event {
            timestamp: String::new(),
            ..event()
        };
        for (message, remaining) in [
            (
                Message::Text(without(&event(), "timestamp")),
                Some(untimed.clone()),
            ),
            (
                Message::Text(with(&event(), "timestamp", json!(7))),
                Some(untimed),
            ),
            (Message::Binary(event().to_json().into()), Some(event())),
            (Message::Text(without(&event(), "guid")), None),
            (Message::Text(with(&event(), "ip", json!("localhost"))), None),
            (Message::Text("hello".to_owned()), None),
        ] {
            assert_eq!(remains(&message, &event()), remaining, "{message:?}");
        }
    }

    #[test]
    fn binary_json_is_a_good_event() {
        let message = message(Fault::BinaryJson, &event(), &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(message, Some(Message::Binary(event().to_json().into())));
    }
}
