//! The times of the simulator as timestamps. It is a third party, and counts milliseconds since the Unix epoch.

use protocol::Timestamp;
use simulator::emitter::SentEvent;
use simulator::event::Event;

/// An event that carries a timestamp.
pub trait StampedAt {
    /// The timestamp, unless it is unreadable.
    fn stamped_at(&self) -> Option<Timestamp>;
}

impl StampedAt for Event {
    fn stamped_at(&self) -> Option<Timestamp> {
        self.timestamp_ms().map(Timestamp::from_unix_ms)
    }
}

impl StampedAt for SentEvent {
    fn stamped_at(&self) -> Option<Timestamp> {
        self.timestamp_ms.map(Timestamp::from_unix_ms)
    }
}

/// An event that was sent.
pub trait SentAt {
    /// When the emitter sent it.
    fn sent_at(&self) -> Timestamp;
}

impl SentAt for SentEvent {
    fn sent_at(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.sent_at_ms)
    }
}
