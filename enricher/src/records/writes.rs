//! What was asked of the streams and is not answered yet. Pure.

use std::collections::VecDeque;

use protocol::{Activity, Millis, Record};
use service::trace::Span;

use crate::queue::ledger::DeliveryId;
use crate::sighting::Sighting;

/// Something that a raw message needs of the streams.
#[derive(Debug)]
pub enum Write {
    /// The first record of a session, and what it was built from.
    Record(Sighting, Record, DeliveryId),
    /// The same, once it is known that none is out.
    Look(Sighting, Record, DeliveryId),
    /// The end of a session.
    Tombstone(DeliveryId),
    /// Activities, each for the message it came with.
    Activities(Vec<(Activity, DeliveryId)>),
}

#[derive(Debug)]
struct Entry {
    write: Write,
    sent_at: Millis,
    /// Ends with the answer.
    _span: Option<Span>,
}

/// Writes by their tickets, which count up: the oldest is the first, and a table of them needs no hashing.
#[derive(Debug, Default)]
pub struct Writes {
    entries: VecDeque<Option<Entry>>,
    /// The ticket of the first entry.
    first: u64,
    under_way: usize,
}

impl Writes {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// A write has gone out with that ticket, which is greater than all before it.
    pub fn sent(&mut self, ticket: u64, write: Write, span: Option<Span>, now: Millis) {
        if self.entries.is_empty() {
            self.first = ticket;
        }
        // Tickets of what could not be sent are left out.
        while self.first + (self.entries.len() as u64) < ticket {
            self.entries.push_back(None);
        }
        self.entries.push_back(Some(Entry {
            write,
            sent_at: now,
            _span: span,
        }));
        self.under_way += 1;
    }

    /// The write that is answered; none where it was given up before.
    pub fn answered(&mut self, ticket: u64) -> Option<Write> {
        let index = usize::try_from(ticket.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get_mut(index)?.take()?;
        self.under_way -= 1;
        self.trim();
        Some(entry.write)
    }

    /// Gives up on those that have been unanswered for `patience` ms.
    pub fn overdue(&mut self, now: Millis, patience: Millis) -> Vec<Write> {
        let mut overdue = Vec::new();
        while let Some(Some(entry)) = self.entries.front()
            && now - entry.sent_at >= patience
        {
            overdue.extend(self.entries.pop_front().flatten().map(|entry| entry.write));
            self.first += 1;
            self.under_way -= 1;
            self.trim();
        }
        overdue
    }

    /// Gives up on all of them.
    pub fn abandon(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
        self.under_way = 0;
    }

    /// How many are not answered yet.
    pub fn len(&self) -> usize {
        self.under_way
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
    use crate::queue::ledger::Ledger;

    fn sent(tickets: &[u64]) -> (Writes, DeliveryId) {
        let id = Ledger::new().open((), 0);
        let mut writes = Writes::new();
        for ticket in tickets {
            let now = Millis::try_from(*ticket).unwrap();
            writes.sent(*ticket, Write::Tombstone(id), None, now);
        }
        (writes, id)
    }

    #[test]
    fn each_is_answered_once_in_any_order() {
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
    fn the_oldest_are_given_up_after_a_while() {
        let (mut writes, _) = sent(&[0, 1, 2, 9]);
        writes.answered(1);
        assert_eq!(writes.overdue(11, 10).len(), 1);
        assert_eq!(writes.overdue(12, 10).len(), 1);
        assert_eq!(writes.len(), 1);
        assert!(writes.answered(0).is_none());
        assert!(writes.answered(9).is_some());
    }

    #[test]
    fn answers_to_what_was_abandoned_mean_nothing() {
        let (mut writes, id) = sent(&[0, 1]);
        writes.abandon();
        writes.sent(2, Write::Tombstone(id), None, 2);
        assert!(writes.answered(1).is_none());
        assert!(writes.answered(2).is_some());
        assert_eq!(writes.len(), 0);
    }
}
