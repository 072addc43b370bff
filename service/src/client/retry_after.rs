//! The pause that an HTTP response asks for in `Retry-After` (RFC 9110 section 10.2.3).

use std::time::{Duration, UNIX_EPOCH};

use protocol::Millis;
use protocol::time::millis;

/// The pause that the header's value asks for at time `now`: seconds or a date. `None` if it cannot be read or is over.
#[must_use]
pub fn parse(value: &str, now: Millis) -> Option<Duration> {
    let text = value.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let until = millis(date.duration_since(UNIX_EPOCH).ok()?);
    Some(Duration::from_millis(u64::try_from(until - now).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let date = "Thu, 01 Jan 1970 00:01:00 GMT";
        assert_eq!(parse(" 120 ", 0), Some(Duration::from_mins(2)));
        assert_eq!(parse(date, 20_000), Some(Duration::from_secs(40)));
        assert_eq!(parse(date, 60_001), None, "it is over");
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(parse(text, 0), None, "{text}");
        }
    }
}
