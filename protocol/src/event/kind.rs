//! The kinds of events.

/// What the emitter reports about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A visitor has arrived.
    SessionOpened,
    /// A visitor is still there.
    KeepAlive,
    /// A visitor has left.
    SessionClosed,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::SessionOpened, Self::KeepAlive, Self::SessionClosed];

    /// The kind as the emitter writes it, also a subject token.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::SessionOpened => "session-opened",
            Self::KeepAlive => "keep-alive",
            Self::SessionClosed => "session-closed",
        }
    }

    /// Parses the kind as the emitter writes it.
    pub(super) fn from_token(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.token() == token)
    }
}
