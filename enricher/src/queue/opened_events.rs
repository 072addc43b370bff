//! Opened events that still wait in the queue.

use std::sync::Arc;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind};
use protocol::event::{self, RECEIVED_AT_HEADER};
use protocol::{Event, EventKind, Guid, Millis, stream, subject, time};
use service::{Nats, last_message};

use crate::sighting::{Sighting, seen_page, seen_referrer};

/// How many messages one step of a scan reads.
const MAX_SCANNED: usize = 64;

/// The oldest opened event in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldestOpening {
    /// There is none.
    None,
    /// It is in the message with this sequence.
    At(u64),
    /// The queue cannot be read.
    Unknown,
}

/// A scan of the opened events in the queue, in several reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// When it began, in ms of uptime.
    pub started_at: Millis,
    /// The sequence at which the scan ends.
    pub target: u64,
    /// The sequence up to which it has read.
    pub read: u64,
}

/// The opened events of one read.
#[derive(Debug, Default)]
pub struct OpenedEvents {
    /// The openings, with implausible times replaced.
    pub openings: Vec<Sighting>,
    /// The sequence up to which messages were read.
    pub until: u64,
}

impl OpenedEvents {
    /// Adds the events of a message.
    pub fn add(&mut self, message: &StreamMessage) {
        self.until = message.sequence;
        let received_at = message.headers.get(RECEIVED_AT_HEADER).map(ToString::to_string);
        let published_at = last_message::timestamp(message.time);
        for (line, received_at) in event::lines(&message.payload, received_at.as_deref(), published_at) {
            // The enricher that handles the message rejects unusable lines.
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
                page: seen_page(&event.reported, at),
                referrer: seen_referrer(&event.reported, at),
            });
        }
    }
}

/// Reads opened events without taking them from the queue. Clones share the connection.
#[derive(Clone, Debug)]
pub struct OpenedEventsReader {
    nats: Arc<Nats>,
}

impl OpenedEventsReader {
    /// A reader that uses this connection.
    pub fn new(nats: Nats) -> Self {
        Self { nats: Arc::new(nats) }
    }

    /// Finds the oldest opened event.
    pub async fn oldest(&self) -> OldestOpening {
        let Ok(raw) = self.nats.jetstream().get_stream_no_info(stream::RAW).await else {
            return OldestOpening::Unknown;
        };
        let opened = subject::raw(EventKind::SessionOpened);
        match raw.get_first_raw_message_by_subject(opened, 1).await {
            Ok(message) => OldestOpening::At(message.sequence),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => OldestOpening::None,
            Err(_) => OldestOpening::Unknown,
        }
    }

    /// Reads the next opened events of a scan.
    ///
    /// # Errors
    /// If the queue cannot be read.
    pub async fn next(&self, scan: Scan) -> Result<OpenedEvents, RawMessageError> {
        let raw = self.nats.jetstream().get_stream_no_info(stream::RAW).await;
        let raw = raw.map_err(|error| RawMessageError::with_source(RawMessageErrorKind::Other, error))?;
        let subject = subject::raw(EventKind::SessionOpened);
        let until = scan.target;
        let mut opened = OpenedEvents {
            until: scan.read,
            ..OpenedEvents::default()
        };
        for _ in 0..MAX_SCANNED {
            match raw
                .get_first_raw_message_by_subject(subject, opened.until + 1)
                .await
            {
                Ok(message) if message.sequence <= until => opened.add(&message),
                Ok(_) => opened.until = until,
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => opened.until = until,
                Err(error) => return Err(error),
            }
            if opened.until >= until {
                break;
            }
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use async_nats::HeaderMap;
    use async_nats::datetime::DateTime;
    use protocol::time::unix_ms;

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
        let expected = [("a", unix_ms(1_000)), ("b", unix_ms(2_000))].map(|(guid, at)| Sighting {
            guid: Guid::new(guid).unwrap(),
            ip: "::1".into(),
            opening: true,
            at,
            received_at: unix_ms(3_000),
            page: None,
            referrer: None,
        });
        assert_eq!(events.openings, expected);
        assert_eq!(events.until, 7);
    }
}
