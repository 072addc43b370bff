//! Times, and which of the emitter's timestamps can be believed.

use std::time::Duration;

/// Milliseconds since the Unix epoch.
pub type Millis = i64;

/// A duration in milliseconds, as long as they can be counted.
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

/// The last millisecond of the year 9999, beyond which neither our own clocks nor those of browsers count.
pub const LATEST: Millis = 253_402_300_799_999;

/// Whether anything of ours can have happened then. A message that says otherwise is not believed at all, so that nobody
/// who calculates with times need think of overflow.
#[must_use]
pub const fn is_plausible(at: Millis) -> bool {
    0 <= at && at <= LATEST
}

/// How far before its receipt an event may claim to have happened.
pub const OLDEST_BELIEVED: Millis = 10 * 60 * 1000;

/// How far two clocks that agree may be apart, in ms: what it takes to ask one over a network.
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
/// A timestamp that is missing, lies in the future of its receipt or more than ten minutes before it is replaced by the
/// time of receipt; the second value tells so, that it can be counted. What lies ahead by no more than [`CLOCK_ERROR`] is
/// no future: the two times are those of two clocks.
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
