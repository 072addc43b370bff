//! The pause that an HTTP response asks for in `Retry-After` (RFC 9110 section 10.2.3).

use std::num::IntErrorKind;
use std::time::{Duration, UNIX_EPOCH};

use hyper::header::{HeaderMap, RETRY_AFTER};
use protocol::Timestamp;
use protocol::time::millis;

/// The pause that a response asks for at time `now`, at most `longest`. `None` if it asks for none.
#[must_use]
pub fn of(headers: &HeaderMap, now: Timestamp, longest: Duration) -> Option<Duration> {
    parse(headers.get(RETRY_AFTER)?.to_str().ok()?, now, longest)
}

/// The pause that the header's value asks for at time `now`, in seconds or as a date; at most `longest`. `None` if it cannot
/// be parsed or has passed.
#[must_use]
pub fn parse(value: &str, now: Timestamp, longest: Duration) -> Option<Duration> {
    let text = value.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Duration::MAX,
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            let until = Timestamp::from_unix_ms(millis(date.duration_since(UNIX_EPOCH).ok()?));
            Duration::from_millis(u64::try_from(until - now).ok()?)
        }
    };
    Some(pause.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;

    const LONGEST: Duration = Duration::from_mins(10);

    #[test]
    fn seconds_and_dates() {
        let date = "Thu, 01 Jan 1970 00:01:00 GMT";
        assert_eq!(parse(" 120 ", unix_ms(0), LONGEST), Some(Duration::from_mins(2)));
        assert_eq!(
            parse(date, unix_ms(20_000), LONGEST),
            Some(Duration::from_secs(40))
        );
        assert_eq!(parse(date, unix_ms(60_001), LONGEST), None, "it is over");
        for text in ["", "soon", "-1", "1.5", "Thu, 01 Jan"] {
            assert_eq!(parse(text, unix_ms(0), LONGEST), None, "{text}");
        }
    }

    #[test]
    fn no_pause_is_longer_than_the_longest() {
        for text in [
            "18446744073709551615",
            "99999999999999999999999",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            assert_eq!(parse(text, unix_ms(0), LONGEST), Some(LONGEST), "{text}");
        }
    }

    #[test]
    fn response_without_a_readable_header_asks_for_no_pause() {
        let mut headers = HeaderMap::new();
        assert_eq!(of(&headers, unix_ms(0), LONGEST), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(of(&headers, unix_ms(0), LONGEST), Some(Duration::from_secs(7)));
        headers.insert(
            RETRY_AFTER,
            hyper::header::HeaderValue::from_bytes(b"\xff").unwrap(),
        );
        assert_eq!(of(&headers, unix_ms(0), LONGEST), None);
    }
}
