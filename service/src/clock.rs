//! The one place where wall-clock time enters.

use protocol::Millis;

/// Now, in milliseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the ban sends everyone here")]
#[must_use]
pub fn now() -> Millis {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since_epoch.as_millis()).unwrap_or(Millis::MAX)
}
