//! Times, and which of the emitter's timestamps are plausible.

use std::time::Duration;

/// Milliseconds since the Unix epoch.
pub type Millis = i64;

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
pub const LATEST: Millis = 253_402_300_799_999;

/// Whether the time is possible. A message with an impossible time is rejected, so that calculations with times cannot
/// overflow.
#[must_use]
pub const fn is_plausible(at: Millis) -> bool {
    0 <= at && at <= LATEST
}

/// How far before its receipt an event may claim to have happened.
pub const OLDEST_BELIEVED: Millis = 10 * 60 * 1000;

/// How far apart two clocks that agree may be, in ms: the error of asking for the time over a network.
pub const CLOCK_ERROR: Millis = 100;

/// Reads the emitter's timestamp, ISO 8601 with a zone. `None` if it cannot be read.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<Millis> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_millisecond)
}

/// When an event happened, by its timestamp if that is plausible.
///
/// A timestamp that is missing, later than its receipt or more than ten minutes earlier is replaced by the time of
/// receipt; the second value says whether it was, so that this can be counted. A timestamp up to [`CLOCK_ERROR`] after
/// the receipt is accepted, because the two times are from two clocks.
#[must_use]
pub fn believable(timestamp: Option<Millis>, received_at: Millis) -> (Millis, bool) {
    match timestamp {
        Some(at) if at <= received_at + CLOCK_ERROR && received_at - at <= OLDEST_BELIEVED => (at, false),
        _ => (received_at, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_750_000_000_000;

    #[test]
    fn reads_what_the_emitter_writes() {
        assert_eq!(
            parse_timestamp("2025-03-03T04:04:01.984Z"),
            Some(1_740_974_641_984)
        );
        assert_eq!(
            parse_timestamp("2025-03-03T05:04:01.984+01:00"),
            Some(1_740_974_641_984)
        );
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
