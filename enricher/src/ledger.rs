//! Which raw messages wait for which results: one is acknowledged when all that it caused is. Pure.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use protocol::Millis;

/// Names a raw message while it is being handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(u64);

/// A raw message that is done with.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished<M> {
    /// The message.
    pub message: M,
    /// Whether everything succeeded; otherwise it must be given back.
    pub succeeded: bool,
}

#[derive(Debug)]
struct Entry<M> {
    message: M,
    outstanding: usize,
    failed: bool,
    reported_at: Millis,
}

/// The raw messages being handled.
#[derive(Debug)]
pub struct Ledger<M> {
    entries: HashMap<DeliveryId, Entry<M>, RandomState>,
    next: u64,
}

impl<M> Ledger<M> {
    /// None.
    pub fn new() -> Self {
        Self {
            entries: HashMap::default(),
            next: 0,
        }
    }

    /// Enters a message with one result outstanding, which stands for its being read; see [`Ledger::settle`].
    pub fn open(&mut self, message: M, now: Millis) -> DeliveryId {
        let id = DeliveryId(self.next);
        self.next += 1;
        self.entries.insert(
            id,
            Entry {
                message,
                outstanding: 1,
                failed: false,
                reported_at: now,
            },
        );
        id
    }

    /// A message that is being handled.
    pub fn get(&self, id: DeliveryId) -> Option<&M> {
        self.entries.get(&id).map(|entry| &entry.message)
    }

    /// One more result is outstanding.
    pub fn expect(&mut self, id: DeliveryId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.outstanding += 1;
        }
    }

    /// One result is there. Gives the message back when it was the last.
    ///
    /// A message that was given up in the meantime is not known any longer, and that is all right.
    pub fn settle(&mut self, id: DeliveryId, succeeded: bool) -> Option<Finished<M>> {
        let entry = self.entries.get_mut(&id)?;
        entry.outstanding -= 1;
        entry.failed |= !succeeded;
        if entry.outstanding > 0 {
            return None;
        }
        let entry = self.entries.remove(&id)?;
        Some(Finished {
            message: entry.message,
            succeeded: !entry.failed,
        })
    }

    /// Gives up on all of them.
    pub fn abandon(&mut self) -> Vec<M> {
        self.entries.drain().map(|(_, entry)| entry.message).collect()
    }

    /// The messages of which nothing was heard for `patience` ms, to say that they are still being handled.
    pub fn overdue(&mut self, now: Millis, patience: Millis) -> impl Iterator<Item = &M> {
        self.entries
            .values_mut()
            .filter(move |entry| now - entry.reported_at >= patience)
            .map(move |entry| {
                entry.reported_at = now;
                &entry.message
            })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_with_the_last_result() {
        let mut ledger = Ledger::new();
        let id = ledger.open("a", 0);
        ledger.expect(id);
        ledger.expect(id);
        assert_eq!(ledger.settle(id, true), None);
        assert_eq!(ledger.settle(id, true), None);
        assert_eq!(
            ledger.settle(id, true),
            Some(Finished {
                message: "a",
                succeeded: true
            })
        );
        assert_eq!(ledger.len(), 0);
    }

    #[test]
    fn one_failure_fails_the_message() {
        let mut ledger = Ledger::new();
        let id = ledger.open("a", 0);
        ledger.expect(id);
        ledger.settle(id, false);
        assert_eq!(
            ledger.settle(id, true),
            Some(Finished {
                message: "a",
                succeeded: false
            })
        );
    }

    #[test]
    fn results_of_abandoned_messages_change_nothing() {
        let mut ledger = Ledger::new();
        let id = ledger.open("a", 0);
        assert_eq!(ledger.abandon(), ["a"]);
        ledger.expect(id);
        assert_eq!(ledger.settle(id, true), None);
        let other = ledger.open("b", 0);
        assert_ne!(other, id);
    }

    #[test]
    fn progress_is_due_once_in_a_while() {
        let mut ledger = Ledger::new();
        ledger.open("a", 0);
        assert_eq!(ledger.overdue(4, 5).count(), 0);
        assert_eq!(ledger.overdue(5, 5).count(), 1);
        assert_eq!(ledger.overdue(9, 5).count(), 0);
        assert_eq!(ledger.overdue(10, 5).count(), 1);
    }
}
