//! Several events in one message, one per line.

use crate::time::{Timestamp, is_plausible};

/// The header on `visitor.raw.>` with the time of receipt of each line, in ms since the epoch, comma-separated.
pub const RECEIVED_AT_HEADER: &str = "Visitor-Received-At";

/// Maximum number of events in one message.
pub const MAX_EVENTS: usize = 256;

/// The lines of a message on `visitor.raw.>`, each with its time of receipt.
///
/// A message with one time of receipt is one event, whatever its content. So an event that contains line breaks is sent
/// alone. A line without a usable time gets `fallback`, the time at which the stream stored the message.
pub fn lines<'a>(
    payload: &'a [u8],
    received_at: Option<&'a str>,
    fallback: Timestamp,
) -> impl Iterator<Item = (&'a [u8], Timestamp)> {
    let header = received_at.unwrap_or_default();
    let single = !header.contains(',');
    let mut times = header.split(',').map(move |time| {
        let time = time.trim().parse().ok().map(Timestamp::from_unix_ms);
        time.filter(|at| is_plausible(*at)).unwrap_or(fallback)
    });
    payload
        .split(move |byte| !single && *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(move |line| (line, times.next().unwrap_or(fallback)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FALLBACK: Timestamp = Timestamp::from_unix_ms(9);

    /// The lines with their times of receipt in ms since the Unix epoch.
    fn stamped<'a>(payload: &'a [u8], received_at: Option<&'a str>) -> Vec<(&'a [u8], i64)> {
        lines(payload, received_at, FALLBACK)
            .map(|(line, at)| (line, at.unix_ms()))
            .collect()
    }

    #[test]
    fn lines_carry_their_time_of_receipt() {
        let batch = stamped(b"{1}\n{2}", Some("5,6"));
        assert_eq!(batch, [(&b"{1}"[..], 5), (&b"{2}"[..], 6)]);
    }

    #[test]
    fn a_single_event_keeps_its_line_breaks() {
        assert_eq!(stamped(b"{\n}", Some("5")), [(&b"{\n}"[..], 5)]);
    }

    #[test]
    fn a_message_without_times_falls_back() {
        assert_eq!(stamped(b"{}", None), [(&b"{}"[..], 9)]);
        let batch = stamped(b"a\nb", Some("5,x"));
        assert_eq!(batch, [(&b"a"[..], 5), (&b"b"[..], 9)]);
    }
}
