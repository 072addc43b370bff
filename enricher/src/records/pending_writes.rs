//! Writes and reads that the streams have not answered yet. Pure.

use std::collections::VecDeque;

use protocol::{Activity, Millis, Record};
use service::trace::Span;

use crate::queue::in_flight::DeliveryId;
use crate::sighting::Sighting;

/// A write or read that a raw message has caused.
#[derive(Debug)]
pub enum Write {
    /// The first record of a session, and the event that caused it.
    Record(Sighting, Record, DeliveryId),
    /// A read: is there a record of the session already?
    Read(Sighting, Record, DeliveryId),
    Tombstone(DeliveryId),
    /// Activities, each with the message that it came with.
    Activities(Vec<(Activity, DeliveryId)>),
}

#[derive(Debug)]
struct PendingWrite {
    write: Write,
    sent_at: Millis,
    /// The span ends with the answer.
    _span: Option<Span>,
}

/// Writes by ticket. Tickets count up, so the oldest write is the first, and the table needs no hashing.
#[derive(Debug, Default)]
pub struct PendingWrites {
    entries: VecDeque<Option<PendingWrite>>,
    /// The ticket of the first entry.
    first: u64,
    pending: usize,
}

impl PendingWrites {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a write with its ticket, which is greater than all before it.
    pub fn sent(&mut self, ticket: u64, write: Write, span: Option<Span>, now: Millis) {
        if self.entries.is_empty() {
            self.first = ticket;
        }
        // Writes that could not be sent leave gaps.
        while self.first + (self.entries.len() as u64) < ticket {
            self.entries.push_back(None);
        }
        self.entries.push_back(Some(PendingWrite {
            write,
            sent_at: now,
            _span: span,
        }));
        self.pending += 1;
    }

    /// Takes out the write that is answered. `None` if it was given up before.
    pub fn answered(&mut self, ticket: u64) -> Option<Write> {
        let index = usize::try_from(ticket.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get_mut(index)?.take()?;
        self.pending -= 1;
        self.trim();
        Some(entry.write)
    }

    /// Gives up on the writes that have been unanswered for `timeout` ms, and returns them.
    pub fn overdue(&mut self, now: Millis, timeout: Millis) -> Vec<Write> {
        let mut overdue = Vec::new();
        while let Some(Some(entry)) = self.entries.front()
            && now - entry.sent_at >= timeout
        {
            overdue.extend(self.entries.pop_front().flatten().map(|entry| entry.write));
            self.first += 1;
            self.pending -= 1;
            self.trim();
        }
        overdue
    }

    /// Gives up on all writes.
    pub fn abandon(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
        self.pending = 0;
    }

    pub fn len(&self) -> usize {
        self.pending
    }

    fn trim(&mut self) {
        while let Some(None) = self.entries.front() {
            self.entries.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::in_flight::InFlight;

    fn sent(tickets: &[u64]) -> (PendingWrites, DeliveryId) {
        let id = InFlight::new().begin((), 0);
        let mut writes = PendingWrites::new();
        for ticket in tickets {
            let now = Millis::try_from(*ticket).unwrap();
            writes.sent(*ticket, Write::Tombstone(id), None, now);
        }
        (writes, id)
    }

    #[test]
    fn each_write_is_answered_once_in_any_order() {
        let (mut writes, id) = sent(&[3, 4, 6]);
        assert!(writes.answered(4).is_some());
        assert!(writes.answered(4).is_none());
        assert!(writes.answered(5).is_none(), "it was never sent");
        assert!(writes.answered(3).is_some());
        assert!(writes.answered(2).is_none());
        assert_eq!(writes.len(), 1);
        assert!(writes.answered(6).is_some());
        assert!(writes.answered(7).is_none());
        writes.sent(9, Write::Tombstone(id), None, 9);
        assert!(writes.answered(9).is_some());
        assert_eq!(writes.len(), 0);
    }

    #[test]
    fn overdue_writes_are_given_up() {
        let (mut writes, _) = sent(&[0, 1, 2, 9]);
        writes.answered(1);
        assert_eq!(writes.overdue(11, 10).len(), 1);
        assert_eq!(writes.overdue(12, 10).len(), 1);
        assert_eq!(writes.len(), 1);
        assert!(writes.answered(0).is_none());
        assert!(writes.answered(9).is_some());
    }

    #[test]
    fn answers_to_abandoned_writes_are_ignored() {
        let (mut writes, id) = sent(&[0, 1]);
        writes.abandon();
        writes.sent(2, Write::Tombstone(id), None, 2);
        assert!(writes.answered(1).is_none());
        assert!(writes.answered(2).is_some());
        assert_eq!(writes.len(), 0);
    }
}
