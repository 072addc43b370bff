//! Why a message could not be used.

/// The reason; each has a token of its own in `visitor.rejected.<process>.<reason>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Rejection {
    /// Not JSON, or truncated.
    #[error("not JSON")]
    NotJson,
    /// JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A required field is missing.
    #[error("a field is missing")]
    MissingField,
    /// A field has the wrong type.
    #[error("a field has the wrong type")]
    WrongType,
    /// An `eventType` that we do not know.
    #[error("unknown event type")]
    UnknownEventType,
    /// An invalid guid.
    #[error("unusable guid")]
    BadGuid,
    /// An `ip` with characters that do not occur in addresses.
    #[error("unusable ip")]
    BadIp,
    /// Larger than any valid event.
    #[error("too large")]
    TooLarge,
}

impl Rejection {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::NotJson,
        Self::NotAnObject,
        Self::MissingField,
        Self::WrongType,
        Self::UnknownEventType,
        Self::BadGuid,
        Self::BadIp,
        Self::TooLarge,
    ];

    /// The reason as a subject token and metric label.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::NotAnObject => "not-an-object",
            Self::MissingField => "missing-field",
            Self::WrongType => "wrong-type",
            Self::UnknownEventType => "unknown-event-type",
            Self::BadGuid => "bad-guid",
            Self::BadIp => "bad-ip",
            Self::TooLarge => "too-large",
        }
    }
}

/// How much of a rejected payload is kept, in bytes.
pub const KEPT_BYTES: usize = 4 * 1024;

/// The header with the reason for which a payload was rejected, as text.
pub const REASON_HEADER: &str = "Visitor-Rejected-Reason";

/// The header with the length of the payload before it was truncated, in bytes.
pub const LENGTH_HEADER: &str = "Visitor-Rejected-Length";
