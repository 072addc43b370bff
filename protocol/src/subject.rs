//! The subjects, built by functions from private constants.
//!
//! ```text
//! visitor.raw.(session-opened|keep-alive|session-closed)   ingestor → enricher
//! visitor.session.<guid>                                   enricher → gateway
//! visitor.activity.<instance>                              enricher → gateway
//! visitor.rejected.<process>.<reason>                      any → operators
//! visitor.status.<process>.<instance>                      all → gateway, operators
//! ```

use crate::event::EventKind;
use crate::guid::Guid;
use crate::rejection::Rejection;

/// All raw events.
pub const RAW: &str = "visitor.raw.>";
/// All records and tombstones.
pub const SESSIONS: &str = "visitor.session.*";
/// All activities.
pub const ACTIVITIES: &str = "visitor.activity.*";
/// All rejected messages.
pub const REJECTED: &str = "visitor.rejected.>";
/// All statuses.
pub const STATUSES: &str = "visitor.status.>";

/// The subject of raw events of one kind.
#[must_use]
pub const fn raw(kind: EventKind) -> &'static str {
    match kind {
        EventKind::SessionOpened => "visitor.raw.session-opened",
        EventKind::KeepAlive => "visitor.raw.keep-alive",
        EventKind::SessionClosed => "visitor.raw.session-closed",
    }
}

/// The subject of a session's record or tombstone.
#[must_use]
pub fn session(guid: &Guid) -> String {
    format!("visitor.session.{guid}")
}

/// The subject of one enricher's activities.
#[must_use]
pub fn activity(instance: &str) -> String {
    format!("visitor.activity.{instance}")
}

/// The subject of the messages that a process rejects.
#[must_use]
pub fn rejected(process: &str, reason: Rejection) -> String {
    format!("visitor.rejected.{process}.{}", reason.token())
}

/// The subject of a process's status.
#[must_use]
pub fn status(process: &str, instance: &str) -> String {
    format!("visitor.status.{process}.{instance}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_frozen() {
        assert_eq!(
            EventKind::ALL.map(raw),
            EventKind::ALL.map(|kind| format!("visitor.raw.{}", kind.token()))
        );
        assert_eq!(session(&Guid::new("AB-1").unwrap()), "visitor.session.ab-1");
        assert_eq!(activity("host-1"), "visitor.activity.host-1");
        assert_eq!(
            rejected("ingestor", Rejection::NotJson),
            "visitor.rejected.ingestor.not-json"
        );
        assert_eq!(status("gateway", "host-1"), "visitor.status.gateway.host-1");
    }
}
