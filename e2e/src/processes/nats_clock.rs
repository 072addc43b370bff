//! Steps the clock of the NATS server, as its clients see it.
//!
//! libfaketime does not affect nats-server, which calls the kernel without the C library. So a proxy between the server
//! and a client changes the times in the server's messages.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// The text before a time in the server's messages.
const BEFORE_TIMES: [&[u8]; 2] = [br#""ts":""#, b"Nats-Time-Stamp: "];

/// The length of a time in whole seconds, `2025-03-03T04:04:01`.
const LENGTH: usize = 19;

/// Adds the seconds to all times in the message.
pub fn shift(message: &mut [u8], seconds: i64) {
    if seconds == 0 {
        return;
    }
    for before in BEFORE_TIMES {
        let times: Vec<usize> = message
            .windows(before.len())
            .enumerate()
            .filter(|(_, window)| *window == before)
            .map(|(at, _)| at + before.len())
            .collect();
        for at in times {
            let Some(time) = message.get_mut(at..at + LENGTH) else {
                continue;
            };
            if let Some(shifted) = shifted(time, seconds) {
                time.copy_from_slice(shifted.as_bytes());
            }
        }
    }
}

fn shifted(time: &[u8], seconds: i64) -> Option<String> {
    let time: DateTime = std::str::from_utf8(time).ok()?.parse().ok()?;
    let shifted = time.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(shifted.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_are_changed() {
        let mut message =
            br#"MSG {"created":"2025-03-03T23:59:59Z","ts":"2025-03-03T23:59:59.123Z"} "ts":"2025"#.to_vec();
        shift(&mut message, 1);
        let expected = r#"MSG {"created":"2025-03-03T23:59:59Z","ts":"2025-03-04T00:00:00.123Z"} "ts":"2025"#;
        assert_eq!(String::from_utf8(message).unwrap(), expected);
    }
}
