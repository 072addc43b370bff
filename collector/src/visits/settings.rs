//! The rules of sessions.

use std::num::NonZeroU32;

use protocol::Millis;

use super::tabs::Silence;

/// The rules of sessions. Durations are in ms.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a page must have been visible before its session opens.
    pub settle: Millis,
    /// How long after its last tab was left a session closes.
    pub leave_grace: Millis,
    /// How long a tab may be silent.
    pub silence: Silence,
    /// How long an open session may be without an event before it gets a keep-alive.
    pub refresh: Millis,
    /// How long a closed session is remembered, so that late beacons do not open it again.
    pub remember_closings: Millis,
    /// How many sessions may open per minute.
    pub new_sessions_per_minute: NonZeroU32,
    /// Maximum number of sessions, excluding closed ones.
    pub max_sessions: usize,
    /// Maximum number of sessions from one address, or from an IPv6 /64.
    pub max_sessions_per_address: usize,
}
