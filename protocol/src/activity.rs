//! Last activities on `visitor.activity.<instance>`.

use serde::{Deserialize, Serialize, Serializer};

use crate::guid::Guid;
use crate::time::{Millis, is_plausible};

/// The last activity of a session whose record is published: `[guid, at, receivedAt]` on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "(Guid, Millis, Millis)")]
pub struct Activity {
    /// The session.
    pub guid: Guid,
    /// When it happened, by the emitter's clock.
    pub at: Millis,
    /// When the ingestor received it.
    pub received_at: Millis,
}

impl Activity {
    /// An activity of a session.
    #[must_use]
    pub const fn new(guid: Guid, at: Millis, received_at: Millis) -> Self {
        Self {
            guid,
            at,
            received_at,
        }
    }
}

impl Serialize for Activity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.guid, self.at, self.received_at).serialize(serializer)
    }
}

/// An activity at an implausible time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unusable time")]
pub struct BadTime;

impl TryFrom<(Guid, Millis, Millis)> for Activity {
    type Error = BadTime;

    fn try_from((guid, at, received_at): (Guid, Millis, Millis)) -> Result<Self, BadTime> {
        if is_plausible(at) && is_plausible(received_at) {
            Ok(Self::new(guid, at, received_at))
        } else {
            Err(BadTime)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE: &str = include_str!("../fixtures/activity.json");

    #[test]
    fn wire_form_is_frozen() {
        let read: Vec<Activity> = serde_json::from_str(FIXTURE).unwrap();
        assert_eq!(
            read[0],
            Activity::new(
                Guid::new("59ef0b55-de86-48b0-aa78-a785afbd7ecd").unwrap(),
                1_749_999_995_000,
                1_749_999_995_012
            )
        );
        assert_eq!(serde_json::to_string(&read).unwrap(), FIXTURE.trim());
    }
}
