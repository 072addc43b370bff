//! The frames that the gateway sends to WebSocket clients, and the requests of clients.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::guid::Guid;
use crate::page::Page;
use crate::record::{Company, Contact};
use crate::status::Pipeline;
use crate::time::Timestamp;

/// One session as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VisibleSession {
    /// The session.
    pub guid: Guid,
    /// The visitor's address.
    pub ip: Box<str>,
    /// When the session opened.
    pub opened_at: Timestamp,
    /// When it was last active.
    pub last_activity_at: Timestamp,
    /// The visitor's company, if known.
    pub company: Option<Arc<Company>>,
    /// The visitor, if known.
    pub contact: Option<Arc<Contact>>,
    /// The network of the address and its operator, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Arc<str>>,
    /// The code of the address's country (ISO 3166-1 alpha-2), if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Arc<str>>,
    /// The page that the visitor sees, if the emitter sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Arc<Page>>,
    /// The other website that the visitor came from, if the emitter sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<Arc<str>>,
    /// Whether the session is shown before it is identified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unidentified: bool,
}

/// Statistics of all sessions shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Sessions shown.
    pub active_sessions: u64,
    /// Sessions that wait for the Deanonymizer's verdict.
    pub being_identified: u64,
    /// Distinct companies among the sessions shown.
    pub companies: u64,
    /// Sessions with a company per distinct company; 0 if there is none.
    pub average_visitors_per_company: f64,
    /// Mean of now − opened; 0 if no session is shown.
    pub average_session_seconds: f64,
    /// The time at which these figures and the sessions were last known to be right. Absent if that is now. Present while
    /// the gateway is cut off, as `interruptions` of the pipeline says. The mean duration is relative to it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
}

/// Why a session left the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Removal {
    /// The emitter closed it.
    Closed,
    /// No event has arrived for too long.
    Stale,
    /// It must no longer be shown.
    Hidden,
}

/// Maximum number of sessions in one message of a snapshot, so that the messages after it do not wait for long on a slow
/// line.
pub const MAX_SESSIONS_PER_MESSAGE: usize = 1_000;

/// The whole view, or its first part if `remaining` is not 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot<'a> {
    /// The number of this gateway's frames so far.
    pub revision: u64,
    /// The gateway's clock.
    pub now: Timestamp,
    /// The sessions shown, at most [`MAX_SESSIONS_PER_MESSAGE`] on the WebSocket.
    pub sessions: Cow<'a, [VisibleSession]>,
    /// How many sessions are in the parts after this one.
    #[serde(default)]
    pub remaining: u64,
    /// Statistics of all sessions.
    pub stats: Stats,
    /// The state of the processes.
    pub pipeline: Cow<'a, Pipeline>,
}

/// More sessions of the snapshot before it. No delta comes before the last part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotPart<'a> {
    /// The revision of the snapshot.
    pub revision: u64,
    /// At most [`MAX_SESSIONS_PER_MESSAGE`] sessions. None of them is in an earlier part.
    pub sessions: Cow<'a, [VisibleSession]>,
    /// How many sessions are in the parts after this one; 0 in the last part.
    pub remaining: u64,
}

/// The changes since the frame with the previous revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delta<'a> {
    /// The previous frame's revision plus one.
    pub revision: u64,
    /// The gateway's clock.
    pub now: Timestamp,
    /// Sessions that are new or have changed.
    pub changed: Cow<'a, [VisibleSession]>,
    /// Sessions of which only the last activity has changed.
    pub touched: Cow<'a, [(Guid, Timestamp)]>,
    /// Sessions that left. Clients ignore those that they do not know.
    pub removed: Cow<'a, [(Guid, Removal)]>,
    /// Statistics of all sessions now shown.
    pub stats: Stats,
    /// The state of the processes, about once a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Cow<'a, Pipeline>>,
}

/// A message of the gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Frame<'a> {
    /// The first frame, and again whenever a client fell behind.
    Snapshot(Snapshot<'a>),
    /// Follows a snapshot or a part whose `remaining` is not 0.
    SnapshotPart(SnapshotPart<'a>),
    /// Every other frame.
    Delta(Delta<'a>),
}

/// A text frame of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Request {
    /// The client saw a gap in the revisions and wants the whole view.
    Snapshot,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn wire_forms_are_frozen() {
        for fixture in [
            include_str!("../fixtures/snapshot.json"),
            include_str!("../fixtures/snapshot-part.json"),
            include_str!("../fixtures/delta.json"),
            include_str!("../fixtures/delta-interrupted.json"),
        ] {
            let frame: Frame<'_> = serde_json::from_str(fixture).unwrap();
            let written = serde_json::to_value(&frame).unwrap();
            assert_eq!(written, serde_json::from_str::<Value>(fixture).unwrap());
        }
    }

    #[test]
    fn a_client_asks_for_a_snapshot() {
        assert_eq!(
            serde_json::to_string(&Request::Snapshot).unwrap(),
            r#"{"type":"snapshot"}"#
        );
        assert!(serde_json::from_str::<Request>(r#"{"type":"drop"}"#).is_err());
    }
}
