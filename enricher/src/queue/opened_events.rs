//! The openings that messages of the queue tell of. Pure.

use async_nats::jetstream::message::StreamMessage;
use protocol::event::{self, RECEIVED_AT_HEADER};
use protocol::{Event, Guid, Millis, time};
use service::last_message;

use crate::sighting::Sighting;

/// A reading of all opened events in the queue, in several steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// When it began, in ms of uptime.
    pub started_at: Millis,
    /// Up to which sequence they are read.
    pub target: u64,
    /// All up to this sequence were read.
    pub read: u64,
}

/// What was read of the queue's opened events.
#[derive(Debug, Default)]
pub struct OpenedEvents {
    /// The openings, with times as far as they can be believed.
    pub openings: Vec<Sighting>,
    /// All messages up to this sequence were read.
    pub until: u64,
}

impl OpenedEvents {
    /// The next message.
    pub fn add(&mut self, message: &StreamMessage) {
        self.until = message.sequence;
        let received_at = message.headers.get(RECEIVED_AT_HEADER).map(ToString::to_string);
        let published_at = last_message::millis(message.time);
        for (line, received_at) in event::lines(&message.payload, received_at.as_deref(), published_at) {
            // What cannot be used is rejected by the enricher that handles it.
            let Ok(event) = Event::parse(line) else { continue };
            let Ok(guid) = Guid::new(&event.guid) else {
                continue;
            };
            let (at, _) = time::believable(event.timestamp, received_at);
            self.openings.push(Sighting {
                guid,
                ip: event.ip.as_ref().into(),
                opening: true,
                at,
                received_at,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;
    use async_nats::datetime::DateTime;

    use super::*;

    #[test]
    fn gives_the_openings_of_all_usable_lines() {
        let opened = |guid: &str, at: &str| {
            format!(r#"{{"eventType":"session-opened","guid":"{guid}","ip":"::1","timestamp":"{at}"}}"#)
        };
        let payload = [
            opened("a", "1970-01-01T00:00:01Z"),
            "no JSON".to_owned(),
            opened("b", "1970-01-01T00:00:02Z"),
        ]
        .join("\n");
        let mut headers = HeaderMap::new();
        headers.insert(RECEIVED_AT_HEADER, "3000,3000,3000");
        let mut events = OpenedEvents::default();
        events.add(&StreamMessage {
            subject: "visitor.raw.session-opened".into(),
            sequence: 7,
            headers,
            payload: payload.into(),
            time: DateTime::UNIX_EPOCH,
        });
        let expected = [("a", 1_000), ("b", 2_000)].map(|(guid, at)| Sighting {
            guid: Guid::new(guid).unwrap(),
            ip: "::1".into(),
            opening: true,
            at,
            received_at: 3_000,
        });
        assert_eq!(events.openings, expected);
        assert_eq!(events.until, 7);
    }
}
