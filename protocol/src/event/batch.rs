//! Several events in one message, one per line.

use crate::time::{Millis, is_plausible};

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
    fallback: Millis,
) -> impl Iterator<Item = (&'a [u8], Millis)> {
    let header = received_at.unwrap_or_default();
    let single = !header.contains(',');
    let mut times = header.split(',').map(move |time| {
        let time = time.trim().parse().ok();
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

    #[test]
    fn lines_carry_their_time_of_receipt() {
        let batch: Vec<_> = lines(b"{1}\n{2}", Some("5,6"), 9).collect();
        assert_eq!(batch, [(&b"{1}"[..], 5), (&b"{2}"[..], 6)]);
    }

    #[test]
    fn a_single_event_keeps_its_line_breaks() {
        let single: Vec<_> = lines(b"{\n}", Some("5"), 9).collect();
        assert_eq!(single, [(&b"{\n}"[..], 5)]);
    }

    #[test]
    fn a_message_without_times_falls_back() {
        assert_eq!(lines(b"{}", None, 9).collect::<Vec<_>>(), [(&b"{}"[..], 9)]);
        assert_eq!(
            lines(b"a\nb", Some("5,x"), 9)
                .map(|(_, at)| at)
                .collect::<Vec<_>>(),
            [5, 9]
        );
    }
}
