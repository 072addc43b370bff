//! The emitter's events, in its own JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, VariantArray};

use crate::clock;

/// What happened in a session.
#[derive(
    Clone, Copy, Debug, Display, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum EventKind {
    /// A visitor came.
    SessionOpened,
    /// The visitor is still there.
    KeepAlive,
    /// The visitor left.
    SessionClosed,
}

/// One event. Its fields are text as they go over the wire, so that a test can put anything into them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened.
    #[serde(rename = "eventType")]
    pub kind: EventKind,
    /// The visitor's address, in any spelling.
    pub ip: String,
    /// The session.
    pub guid: String,
    /// When it happened, normally as ISO 8601 in UTC with milliseconds.
    pub timestamp: String,
}

impl Event {
    /// An event of a given time, in milliseconds since the epoch.
    #[must_use]
    pub fn at(kind: EventKind, guid: &str, ip: &str, timestamp_ms: i64) -> Self {
        Self {
            kind,
            ip: ip.to_owned(),
            guid: guid.to_owned(),
            timestamp: timestamp(timestamp_ms),
        }
    }

    /// An event of this moment.
    #[must_use]
    pub fn now(kind: EventKind, guid: &str, ip: &str) -> Self {
        Self::at(kind, guid, ip, clock::now_ms())
    }

    /// The text of the frame.
    #[must_use]
    pub fn to_json(&self) -> String {
        let [ip, guid, timestamp] =
            [&self.ip, &self.guid, &self.timestamp].map(|text| serde_json::Value::from(&**text));
        format!(
            r#"{{"eventType":"{}","ip":{ip},"guid":{guid},"timestamp":{timestamp}}}"#,
            self.kind
        )
    }

    /// The time of the timestamp, in milliseconds since the epoch; `None` if it is not a timestamp.
    #[must_use]
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp
            .parse::<Timestamp>()
            .ok()
            .map(Timestamp::as_millisecond)
    }
}

/// A time in milliseconds since the epoch as the emitter writes it: `2025-03-03T04:04:01.984Z`. A time outside the
/// calendar's range is written as the epoch.
#[must_use]
pub fn timestamp(ms: i64) -> String {
    format!("{:.3}", Timestamp::from_millisecond(ms).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wire_form() {
        let event = Event::at(
            EventKind::KeepAlive,
            "9d8802fe-631a-4591-b1d8-c030870dea05",
            "203.225.30.200",
            1_740_974_641_984,
        );
        assert_eq!(
            event.to_json(),
            r#"{"eventType":"keep-alive","ip":"203.225.30.200","guid":"9d8802fe-631a-4591-b1d8-c030870dea05","timestamp":"2025-03-03T04:04:01.984Z"}"#
        );
    }

    #[test]
    fn whole_seconds_keep_their_milliseconds() {
        assert_eq!(timestamp(1_740_974_641_000), "2025-03-03T04:04:01.000Z");
    }

    proptest! {
        #[test]
        fn any_text_survives_the_wire(ip: String, guid: String, timestamp: String) {
            let event = Event { kind: EventKind::SessionClosed, ip, guid, timestamp };
            prop_assert_eq!(serde_json::from_str::<Event>(&event.to_json()).unwrap(), event);
        }

        #[test]
        fn timestamps_read_back(ms in 0_i64..4_000_000_000_000) {
            prop_assert_eq!(Event::at(EventKind::KeepAlive, "", "", ms).timestamp_ms(), Some(ms));
        }
    }
}
