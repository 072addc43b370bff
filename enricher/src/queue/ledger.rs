//! Which raw messages wait for which results: one is acknowledged when all that it caused is. Pure.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;
use protocol::Millis;
use protocol::time::millis;
use service::streams::ACK_WAIT;

/// How often the queue is told that a message is being handled.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// The shortest hold: as long as the queue waits for an acknowledgement anyway.
const SHORTEST_HOLD: Duration = ACK_WAIT;

/// The longest hold: by so much is a session, or its opening time, delayed at most that a killed enricher held.
const LONGEST_HOLD: Duration = Duration::from_secs(20);

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

/// What the queue must be told of a message, so that it does not deliver it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is being handled.
    Progress,
    /// It only waits for verdicts; the queue need not hear of it again for so long.
    Hold(Duration),
}

#[derive(Debug)]
struct Entry<M> {
    message: M,
    outstanding: usize,
    /// How many of the outstanding results wait for a verdict.
    waiting: usize,
    failed: bool,
    opened_at: Millis,
    report_at: Millis,
}

impl<M> Entry<M> {
    /// Whether nothing but verdicts is waited for.
    fn is_parked(&self) -> bool {
        self.waiting == self.outstanding
    }
}

/// The raw messages being handled.
#[derive(Debug)]
pub struct Ledger<M> {
    entries: HashMap<DeliveryId, Entry<M>, RandomState>,
    next: u64,
    parked: usize,
}

impl<M> Ledger<M> {
    /// Without messages.
    pub fn new() -> Self {
        Self {
            entries: HashMap::default(),
            next: 0,
            parked: 0,
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
                waiting: 0,
                failed: false,
                opened_at: now,
                report_at: now + millis(PROGRESS_EVERY),
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
        self.change(id, |entry| entry.outstanding += 1);
    }

    /// One of the outstanding results waits for a verdict.
    pub fn wait(&mut self, id: DeliveryId) {
        self.change(id, |entry| entry.waiting += 1);
    }

    /// One of those that wait for a verdict waits no longer.
    pub fn resume(&mut self, id: DeliveryId) {
        self.change(id, |entry| entry.waiting = entry.waiting.saturating_sub(1));
    }

    /// One result is there. Gives the message back when it was the last.
    ///
    /// A message that was given up in the meantime is not known any longer, and that is all right.
    pub fn settle(&mut self, id: DeliveryId, succeeded: bool) -> Option<Finished<M>> {
        let outstanding = self.change(id, |entry| {
            entry.outstanding = entry.outstanding.saturating_sub(1);
            entry.failed |= !succeeded;
            entry.outstanding
        })?;
        if outstanding > 0 {
            return None;
        }
        let entry = self.entries.remove(&id)?;
        self.parked -= usize::from(entry.is_parked());
        Some(Finished {
            message: entry.message,
            succeeded: !entry.failed,
        })
    }

    /// Gives up on all of them.
    pub fn abandon(&mut self) -> Vec<M> {
        self.parked = 0;
        self.entries.drain().map(|(_, entry)| entry.message).collect()
    }

    /// The messages of which the queue must hear again now.
    ///
    /// A message that only waits is held for as long as it has been waiting, within bounds: so the reports of one become
    /// rare, and a session that a killed enricher held is delayed by no more than it had waited already.
    pub fn reports(&mut self, now: Millis) -> impl Iterator<Item = (&M, Report)> {
        self.entries
            .values_mut()
            .filter(move |entry| now >= entry.report_at)
            .map(move |entry| {
                if !entry.is_parked() {
                    entry.report_at = now + millis(PROGRESS_EVERY);
                    return (&entry.message, Report::Progress);
                }
                let waited = Duration::from_millis(u64::try_from(now - entry.opened_at).unwrap_or(0));
                let hold = waited.clamp(SHORTEST_HOLD, LONGEST_HOLD);
                entry.report_at = now + millis(hold) / 2;
                (&entry.message, Report::Hold(hold))
            })
    }

    /// How many messages are being handled, those that only wait for verdicts included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many messages wait for more than verdicts.
    pub fn busy(&self) -> usize {
        self.entries.len() - self.parked
    }

    fn change<R>(&mut self, id: DeliveryId, change: impl FnOnce(&mut Entry<M>) -> R) -> Option<R> {
        let entry = self.entries.get_mut(&id)?;
        let before = usize::from(entry.is_parked());
        let result = change(entry);
        self.parked = self.parked + usize::from(entry.is_parked()) - before;
        Some(result)
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
        ledger.wait(id);
        assert_eq!(ledger.abandon(), ["a"]);
        ledger.expect(id);
        ledger.resume(id);
        assert_eq!(ledger.settle(id, true), None);
        let other = ledger.open("b", 0);
        assert_ne!(other, id);
        assert_eq!(ledger.busy(), 1);
    }

    #[test]
    fn a_message_that_only_waits_for_verdicts_is_not_busy() {
        let mut ledger = Ledger::new();
        let id = ledger.open("a", 0);
        ledger.expect(id);
        ledger.wait(id);
        assert_eq!(ledger.busy(), 1, "it is being read");
        ledger.settle(id, true);
        assert_eq!((ledger.len(), ledger.busy()), (1, 0));
        ledger.resume(id);
        assert_eq!(ledger.busy(), 1);
        assert!(ledger.settle(id, true).is_some());
        assert_eq!((ledger.len(), ledger.busy()), (0, 0));
    }

    #[test]
    fn progress_is_reported_once_in_a_while() {
        let mut ledger = Ledger::new();
        ledger.open("a", 0);
        assert_eq!(ledger.reports(1_999).count(), 0);
        assert_eq!(
            ledger.reports(2_000).collect::<Vec<_>>(),
            [(&"a", Report::Progress)]
        );
        assert_eq!(ledger.reports(3_999).count(), 0);
        assert_eq!(ledger.reports(4_000).count(), 1);
    }

    #[test]
    fn reports_of_a_message_that_waits_become_rare() {
        let mut ledger = Ledger::new();
        let id = ledger.open("a", 0);
        ledger.wait(id);
        let mut reports = 0;
        for second in 0..600 {
            for (_, report) in ledger.reports(second * 1_000) {
                let Report::Hold(hold) = report else {
                    panic!("{report:?}")
                };
                assert!((6..=20).contains(&hold.as_secs()), "{hold:?}");
                reports += 1;
            }
        }
        assert!((50..=80).contains(&reports), "{reports}");
    }
}
