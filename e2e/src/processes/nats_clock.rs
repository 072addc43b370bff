//! The clock of the NATS server as its clients see it, which a test can step.
//!
//! libfaketime does not reach nats-server, which asks the kernel without the C library. So a proxy between the server and a
//! client changes the times in what the server tells.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// What comes before a time in what the server tells.
const BEFORE_TIMES: [&[u8]; 2] = [br#""ts":""#, b"Nats-Time-Stamp: "];

/// The length of a time in whole seconds, `2025-03-03T04:04:01`.
const LENGTH: usize = 19;

/// Adds so many seconds to all times in it.
pub fn shift(told: &mut [u8], seconds: i64) {
    if seconds == 0 {
        return;
    }
    for before in BEFORE_TIMES {
        let times: Vec<usize> = told
            .windows(before.len())
            .enumerate()
            .filter(|(_, window)| *window == before)
            .map(|(at, _)| at + before.len())
            .collect();
        for at in times {
            let Some(time) = told.get_mut(at..at + LENGTH) else {
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
        let mut told =
            br#"MSG {"created":"2025-03-03T23:59:59Z","ts":"2025-03-03T23:59:59.123Z"} "ts":"2025"#.to_vec();
        shift(&mut told, 1);
        let expected = r#"MSG {"created":"2025-03-03T23:59:59Z","ts":"2025-03-04T00:00:00.123Z"} "ts":"2025"#;
        assert_eq!(String::from_utf8(told).unwrap(), expected);
    }
}
