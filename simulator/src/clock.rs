//! The one place where the simulator reads the time of day.

use jiff::Timestamp;

/// Milliseconds since the epoch, now.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
