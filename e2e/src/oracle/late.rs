//! Estimates when an event was received. Pure.

use protocol::{Millis, Timestamp};

use super::span::Span;

/// How wrong the ingestors' idea of NATS's clock may be, in ms: half a round trip.
const CLOCK_ERROR: Millis = 100;

/// A time in which an ingestor was connected and did not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateReading {
    /// When it stopped reading.
    pub from: Timestamp,
    /// When it went on.
    pub to: Timestamp,
}

/// When what was sent then was received: at once, or by an ingestor that read it late. `late` are times that do not
/// overlap, in order.
pub fn received(sent_at: Timestamp, slack: Millis, late: &[LateReading]) -> Span {
    // Events in transit when the reading stopped are late as well.
    let begun = late.partition_point(|reading| reading.from <= sent_at + slack);
    let read_late = late[..begun].last().filter(|reading| sent_at <= reading.to);
    Span {
        from: sent_at - CLOCK_ERROR,
        to: read_late.map_or(sent_at, |reading| reading.to.max(sent_at)) + slack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;

    #[test]
    fn events_sent_while_nobody_read_may_be_received_later() {
        let late = [
            LateReading {
                from: unix_ms(100),
                to: unix_ms(200),
            },
            LateReading {
                from: unix_ms(300),
                to: unix_ms(400),
            },
        ];
        let until = |sent_at| received(unix_ms(sent_at), 10, &late).to.unix_ms();
        assert_eq!(received(unix_ms(80), 10, &late).from, unix_ms(80) - CLOCK_ERROR);
        assert_eq!(until(80), 90);
        assert_eq!(until(90), 210);
        assert_eq!(until(150), 210);
        assert_eq!(until(200), 210);
        assert_eq!(until(201), 211);
        assert_eq!(until(400), 410);
        assert_eq!(until(500), 510);
    }
}
