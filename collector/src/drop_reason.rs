//! Why a beacon is not used.

/// Why a beacon is not used; also the label of the metric that counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// Its origin is not one of `--sites`.
    Origin,
    /// It is larger than [`MAX_BODY`](crate::http::MAX_BODY), or takes too long to arrive.
    Body,
    /// It is not a beacon.
    Malformed,
    /// Its address sends more than `--beacon-rate`.
    Rate,
    /// Its address is in `--ignore`.
    Ignored,
    /// It was sent by a known crawler, or by a client without a user agent.
    Crawler,
    /// The browser sends Global Privacy Control.
    PrivacyControl,
    /// It is not newer than the latest beacon of its tab.
    Outdated,
    /// The limit `--max-sessions` is reached.
    MaxSessions,
    /// Its address has reached `--max-sessions-per-address`.
    MaxSessionsPerAddress,
    /// Too many beacons are waiting to be handled.
    Busy,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::Origin,
        Self::Body,
        Self::Malformed,
        Self::Rate,
        Self::Ignored,
        Self::Crawler,
        Self::PrivacyControl,
        Self::Outdated,
        Self::MaxSessions,
        Self::MaxSessionsPerAddress,
        Self::Busy,
    ];

    /// The reason as a metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Body => "body",
            Self::Malformed => "malformed",
            Self::Rate => "rate",
            Self::Ignored => "ignored",
            Self::Crawler => "crawler",
            Self::PrivacyControl => "privacy-control",
            Self::Outdated => "outdated",
            Self::MaxSessions => "max-sessions",
            Self::MaxSessionsPerAddress => "max-sessions-per-address",
            Self::Busy => "busy",
        }
    }
}
