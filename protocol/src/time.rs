//! Times, and which of the emitter's timestamps are plausible.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A duration in milliseconds, or the difference of two timestamps, which may be negative.
///
/// Also a moment on a process's own monotonic clock: how long the process had been running then.
pub type Millis = i64;

/// An instant by the pipeline's wall clock. In JSON, it is the number of milliseconds since the Unix epoch.
///
/// Two timestamps cannot be added, and a timestamp is no duration. The operators overflow as those of integers do:
/// check times of others with [`is_plausible`] first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before all others, for an event that has not happened.
    pub const MIN: Self = Self(i64::MIN);

    /// After all others, for an event that never happens.
    pub const MAX: Self = Self(i64::MAX);

    /// The timestamp that lies this many milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// This time plus the duration, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn saturating_add(self, by: Millis) -> Self {
        Self(self.0.saturating_add(by))
    }
}

/// Short for [`Timestamp::from_unix_ms`], for code that writes many of them down.
#[must_use]
pub const fn unix_ms(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Sub for Timestamp {
    type Output = Millis;

    fn sub(self, earlier: Self) -> Millis {
        self.0 - earlier.0
    }
}

impl Add<Millis> for Timestamp {
    type Output = Self;

    fn add(self, by: Millis) -> Self {
        Self(self.0 + by)
    }
}

impl AddAssign<Millis> for Timestamp {
    fn add_assign(&mut self, by: Millis) {
        self.0 += by;
    }
}

impl Sub<Millis> for Timestamp {
    type Output = Self;

    fn sub(self, by: Millis) -> Self {
        Self(self.0 - by)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        self + millis(by)
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        self - millis(by)
    }
}

/// A duration in milliseconds, saturating at the maximum.
#[expect(clippy::cast_possible_truncation, reason = "checked in the line before")]
#[must_use]
pub const fn millis(duration: Duration) -> Millis {
    let millis = duration.as_millis();
    if millis > Millis::MAX as u128 {
        Millis::MAX
    } else {
        millis as Millis
    }
}

/// The last millisecond of the year 9999. Times beyond it are not valid in our libraries or in browsers.
pub const LATEST: Timestamp = Timestamp(253_402_300_799_999);

/// Whether the time is possible. A message with an impossible time is rejected, so that calculations with times cannot
/// overflow.
#[must_use]
pub const fn is_plausible(at: Timestamp) -> bool {
    0 <= at.0 && at.0 <= LATEST.0
}

/// How far before its receipt an event may claim to have happened.
pub const OLDEST_BELIEVED: Millis = 10 * 60 * 1000;

/// How far apart two clocks that agree may be, in ms: the error of asking for the time over a network.
pub const CLOCK_ERROR: Millis = 100;

/// Reads the emitter's timestamp, ISO 8601 with a zone. `None` if it cannot be read.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let parsed = text.parse::<jiff::Timestamp>().ok()?;
    Some(Timestamp(parsed.as_millisecond()))
}

/// When an event happened, by its timestamp if that is plausible.
///
/// A timestamp that is missing, later than its receipt or more than ten minutes earlier is replaced by the time of
/// receipt; the second value says whether it was, so that this can be counted. A timestamp up to [`CLOCK_ERROR`] after
/// the receipt is accepted, because the two times are from two clocks.
#[must_use]
pub fn believable(timestamp: Option<Timestamp>, received_at: Timestamp) -> (Timestamp, bool) {
    match timestamp {
        Some(at) if at <= received_at + CLOCK_ERROR && received_at - at <= OLDEST_BELIEVED => (at, false),
        _ => (received_at, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_750_000_000_000);

    #[test]
    fn reads_what_the_emitter_writes() {
        assert_eq!(
            parse_timestamp("2025-03-03T04:04:01.984Z"),
            Some(Timestamp(1_740_974_641_984))
        );
        assert_eq!(
            parse_timestamp("2025-03-03T05:04:01.984+01:00"),
            Some(Timestamp(1_740_974_641_984))
        );
    }

    #[test]
    fn a_timestamp_is_its_milliseconds_in_json_and_in_text() {
        assert_eq!(serde_json::to_string(&NOW).unwrap(), "1750000000000");
        assert_eq!(serde_json::from_str::<Timestamp>("1750000000000").unwrap(), NOW);
        assert!(serde_json::from_str::<Timestamp>("1.5").is_err());
        assert_eq!(NOW.to_string(), "1750000000000");
    }

    #[test]
    fn timestamps_differ_by_a_duration() {
        let later = NOW + Duration::from_secs(2);
        assert_eq!(later - NOW, 2_000);
        assert_eq!(NOW - later, -2_000);
        assert_eq!(later - Duration::from_secs(1), NOW + 1_000);
        assert_eq!(Timestamp::MAX.saturating_add(1), Timestamp::MAX);
    }

    #[test]
    fn garbage_is_no_timestamp() {
        for text in [
            "",
            "yesterday",
            "2025-13-03T04:04:01Z",
            "1740974641984",
            "2025-03-03T04:04:01",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn believes_up_to_ten_minutes_before_the_receipt() {
        assert_eq!(believable(Some(NOW), NOW), (NOW, false));
        assert_eq!(
            believable(Some(NOW - OLDEST_BELIEVED), NOW),
            (NOW - OLDEST_BELIEVED, false)
        );
        assert_eq!(believable(Some(NOW - OLDEST_BELIEVED - 1), NOW), (NOW, true));
    }

    #[test]
    fn clocks_that_agree_need_not_agree_to_the_millisecond() {
        let ahead = NOW + CLOCK_ERROR;
        assert_eq!(believable(Some(ahead), NOW), (ahead, false));
    }

    #[test]
    fn replaces_the_future_and_the_unreadable() {
        let future = NOW + CLOCK_ERROR + 1;
        assert_eq!(believable(Some(future), NOW), (NOW, true));
        assert_eq!(believable(None, NOW), (NOW, true));
    }
}
