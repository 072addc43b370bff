//! First records without an opening time: they wait while the opened event may still be in the queue. Pure.
//!
//! An opened event can come after a keep-alive of its session, because its enricher was killed or lost its connection,
//! or because it waited for a verdict. Published without it, the record would show a wrong opening time until it
//! comes.

use protocol::guid::GuidMap;
use protocol::{Guid, Millis, Profile, Record};

use crate::queue::opened_events::OldestOpening;
use crate::sighting::Sighting;

/// The longest that a record waits, in ms, if the queue cannot be read.
const MAX_WAIT: Millis = 20_000;

/// How long to wait before the opened events in the queue are read, in ms. Nearly always they are handled by then.
const SCAN_AFTER: Millis = 500;

/// How long records wait at least after the stream of sessions was lost, in ms, because gateways put back records that
/// know more.
const STREAM_LOSS_WAIT: Millis = 3_000;

/// A record that waits. `T` is the caller's ticket for it.
#[derive(Debug, PartialEq, Eq)]
pub struct WaitingRecord<T> {
    /// The event that caused it.
    pub sighting: Sighting,
    pub record: Record,
    pub ticket: T,
    /// The sequence of the event's message in the queue.
    sequence: u64,
    since: Millis,
}

/// Maximum number of records that wait. Further ones are published at once.
const MAX_RECORDS: usize = 20_000;

/// The records that wait.
#[derive(Debug)]
pub struct AwaitingOpening<T> {
    records: GuidMap<WaitingRecord<T>>,
    ready_at: Millis,
}

impl<T> AwaitingOpening<T> {
    pub fn new() -> Self {
        Self {
            records: GuidMap::default(),
            ready_at: 0,
        }
    }

    /// Adds a record that a message with this sequence caused.
    pub fn add(&mut self, sighting: Sighting, record: Record, ticket: T, sequence: u64, now: Millis) {
        let guid = sighting.guid.clone();
        let waiting = WaitingRecord {
            sighting,
            record,
            ticket,
            sequence,
            since: now,
        };
        self.records.insert(guid, waiting);
    }

    /// Whether the limit is reached.
    pub fn is_full(&self) -> bool {
        self.records.len() >= MAX_RECORDS
    }

    /// The stream of sessions was lost.
    pub fn stream_lost(&mut self, now: Millis) {
        self.ready_at = now + STREAM_LOSS_WAIT;
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Removes and returns the records that need not wait any longer.
    pub fn take_released(&mut self, oldest: OldestOpening, now: Millis) -> Vec<WaitingRecord<T>> {
        let ready = now >= self.ready_at;
        let is_released = |waiting: &WaitingRecord<T>| {
            let passed = match oldest {
                OldestOpening::None => true,
                OldestOpening::At(sequence) => sequence > waiting.sequence,
                OldestOpening::Unknown => false,
            };
            (ready && passed) || now - waiting.since >= MAX_WAIT
        };
        let released = self.records.extract_if(|_, waiting| is_released(waiting));
        released.map(|(_, waiting)| waiting).collect()
    }

    /// The sequence up to which the opened events in the queue must be read now, if a record has waited long enough.
    pub fn scan_until(&self, now: Millis) -> Option<u64> {
        let old = self
            .records
            .values()
            .filter(|waiting| now - waiting.since >= SCAN_AFTER);
        old.map(|waiting| waiting.sequence).max()
    }

    /// Takes out the records whose opened event is not in the queue: a scan that began at `started_at` has read it up
    /// to `until`, and has taken out the records that it found.
    pub fn take_scanned(&mut self, until: u64, started_at: Millis) -> Vec<WaitingRecord<T>> {
        if started_at < self.ready_at {
            return Vec::new();
        }
        let released = self
            .records
            .extract_if(|_, waiting| waiting.sequence <= until && waiting.since <= started_at);
        released.map(|(_, waiting)| waiting).collect()
    }

    /// Removes and returns the record of a session whose opened event has arrived, with the event merged into it.
    pub fn take_opened(&mut self, opening: &Sighting) -> Option<WaitingRecord<T>> {
        let mut waiting = self.records.remove(&opening.guid)?;
        let mut opened = opening.record(Profile::default());
        opened.take_identity(&waiting.record);
        waiting.record.merge(&opened);
        Some(waiting)
    }

    /// Removes and returns the record of a session that has ended.
    pub fn take_session(&mut self, guid: &Guid) -> Option<WaitingRecord<T>> {
        self.records.remove(guid)
    }

    pub fn take_all(&mut self) -> Vec<WaitingRecord<T>> {
        let records = std::mem::take(&mut self.records);
        records.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;

    fn waiting(sequence: u64) -> AwaitingOpening<u8> {
        let mut waiting = AwaitingOpening::new();
        let sighting = Sighting {
            guid: Guid::new("a").unwrap(),
            ip: "::1".into(),
            opening: false,
            at: unix_ms(1),
            received_at: unix_ms(1),
            page: None,
            referrer: None,
        };
        let record = sighting.record(Profile::default());
        waiting.add(sighting, record, 7, sequence, 0);
        waiting
    }

    #[test]
    fn waits_while_an_older_message_holds_opened_events() {
        let mut waiting = waiting(5);
        assert!(waiting.take_released(OldestOpening::At(4), 1).is_empty());
        assert!(waiting.take_released(OldestOpening::Unknown, 1).is_empty());
        assert_eq!(waiting.take_released(OldestOpening::At(6), 1).len(), 1);
        assert!(waiting.is_empty());
    }

    #[test]
    fn queue_without_opened_events_releases_at_once() {
        assert_eq!(waiting(5).take_released(OldestOpening::None, 0).len(), 1);
    }

    #[test]
    fn released_once_the_queue_was_read_up_to_its_message() {
        let mut waiting = waiting(5);
        assert_eq!(waiting.scan_until(SCAN_AFTER - 1), None);
        assert_eq!(waiting.scan_until(SCAN_AFTER), Some(5));
        assert!(waiting.take_scanned(4, 1).is_empty());
        assert!(waiting.take_scanned(5, -1).is_empty(), "it was not held then");
        assert_eq!(waiting.take_scanned(5, 0).len(), 1);
    }

    #[test]
    fn never_waits_longer_than_the_bound() {
        let mut waiting = waiting(5);
        assert!(
            waiting
                .take_released(OldestOpening::At(4), MAX_WAIT - 1)
                .is_empty()
        );
        assert_eq!(waiting.take_released(OldestOpening::At(4), MAX_WAIT).len(), 1);
    }

    #[test]
    fn lost_stream_is_given_time_to_be_put_back() {
        let mut waiting = waiting(5);
        waiting.stream_lost(0);
        assert!(
            waiting
                .take_released(OldestOpening::None, STREAM_LOSS_WAIT - 1)
                .is_empty()
        );
        assert_eq!(
            waiting.take_released(OldestOpening::None, STREAM_LOSS_WAIT).len(),
            1
        );
    }

    #[test]
    fn opened_event_completes_the_record() {
        let mut waiting = waiting(5);
        let opening = Sighting {
            guid: Guid::new("a").unwrap(),
            ip: "::1".into(),
            opening: true,
            at: unix_ms(5_000),
            received_at: unix_ms(5_001),
            page: None,
            referrer: None,
        };
        let record = waiting
            .take_opened(&opening)
            .map(|waiting| waiting.record)
            .unwrap();
        assert_eq!(
            (record.opened_at, record.first_seen_at),
            (Some(unix_ms(5_000)), unix_ms(1))
        );
        assert_eq!(
            (record.last_activity_at, record.received_at),
            (unix_ms(5_000), unix_ms(5_001))
        );
        assert_eq!(waiting.take_opened(&opening), None);
    }

    #[test]
    fn closing_takes_the_record_out() {
        let mut waiting = waiting(5);
        let guid = Guid::new("a").unwrap();
        assert_eq!(waiting.take_session(&guid).map(|waiting| waiting.ticket), Some(7));
        assert_eq!(waiting.take_session(&guid), None);
    }
}
