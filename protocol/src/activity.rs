//! Last activities, as they travel on `visitor.activity.<instance>`.

use serde::{Deserialize, Serialize};

use crate::guid::Guid;
use crate::time::{Millis, is_plausible};

/// A sign of life of a session whose record is out: `[guid, at, receivedAt]` on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(Guid, Millis, Millis)")]
pub struct Activity(
    /// The session.
    pub Guid,
    /// When it happened, by the emitter's clock.
    pub Millis,
    /// When the ingestor received it.
    pub Millis,
);

/// A sign of life at a time at which nothing can have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unusable time")]
pub struct BadTime;

impl TryFrom<(Guid, Millis, Millis)> for Activity {
    type Error = BadTime;

    fn try_from((guid, at, received_at): (Guid, Millis, Millis)) -> Result<Self, BadTime> {
        if is_plausible(at) && is_plausible(received_at) {
            Ok(Self(guid, at, received_at))
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
            Activity(
                Guid::new("59ef0b55-de86-48b0-aa78-a785afbd7ecd").unwrap(),
                1_749_999_995_000,
                1_749_999_995_012
            )
        );
        assert_eq!(serde_json::to_string(&read).unwrap(), FIXTURE.trim());
    }
}
