//! Raw messages in progress: each is acknowledged when everything it caused is done. Pure.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;
use protocol::Millis;
use protocol::time::millis;
use service::streams::ACK_WAIT;

/// The interval at which the queue is told that a message is still being handled.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// The shortest hold: as long as the queue waits for an acknowledgement anyway.
const SHORTEST_HOLD: Duration = ACK_WAIT;

/// The longest hold. It bounds the delay of a session whose message a killed enricher held.
const LONGEST_HOLD: Duration = Duration::from_secs(20);

/// Identifies a raw message while it is being handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(u64);

/// When the queue should deliver a message again that is given back. Of several reasons, the most urgent counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redelivery {
    /// Another enricher can handle it now.
    AtOnce,
    /// Something failed that may soon succeed.
    Soon,
    /// It is not worth a prompt retry: its session is silent, or too many sessions wait.
    Later,
}

/// A raw message whose results are all there.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished<M> {
    pub message: M,
    /// When the queue should deliver it again; `None` if everything succeeded.
    pub redelivery: Option<Redelivery>,
}

/// What to tell the queue about a message, so that it does not deliver it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is being handled.
    Progress,
    /// It only waits for verdicts: the queue need not redeliver it for this long.
    Hold(Duration),
}

#[derive(Debug)]
struct InFlightMessage<M> {
    message: M,
    outstanding: usize,
    /// How many of the outstanding results wait for a verdict.
    waiting: usize,
    /// When to deliver it again, as far as something has failed.
    redelivery: Option<Redelivery>,
    opened_at: Millis,
    report_at: Millis,
}

impl<M> InFlightMessage<M> {
    /// Whether it only waits for verdicts.
    fn is_parked(&self) -> bool {
        self.waiting == self.outstanding
    }
}

/// The raw messages in progress.
#[derive(Debug)]
pub struct InFlight<M> {
    entries: HashMap<DeliveryId, InFlightMessage<M>, RandomState>,
    next: u64,
    parked: usize,
}

impl<M> InFlight<M> {
    pub fn new() -> Self {
        Self {
            entries: HashMap::default(),
            next: 0,
            parked: 0,
        }
    }

    /// Adds a message with one outstanding result, which stands for reading the message; see [`InFlight::complete`].
    pub fn begin(&mut self, message: M, now: Millis) -> DeliveryId {
        let id = DeliveryId(self.next);
        self.next += 1;
        self.entries.insert(
            id,
            InFlightMessage {
                message,
                outstanding: 1,
                waiting: 0,
                redelivery: None,
                opened_at: now,
                report_at: now + millis(PROGRESS_EVERY),
            },
        );
        id
    }

    /// The message, while it is in progress.
    pub fn get(&self, id: DeliveryId) -> Option<&M> {
        self.entries.get(&id).map(|entry| &entry.message)
    }

    /// The message waits for one more result.
    pub fn add(&mut self, id: DeliveryId) {
        self.change(id, |entry| entry.outstanding += 1);
    }

    /// One of the outstanding results waits for a verdict.
    pub fn wait(&mut self, id: DeliveryId) {
        self.change(id, |entry| entry.waiting += 1);
    }

    /// One of the results no longer waits for a verdict.
    pub fn resume(&mut self, id: DeliveryId) {
        self.change(id, |entry| entry.waiting = entry.waiting.saturating_sub(1));
    }

    /// One result is there; if it is a failure, with the time of the redelivery. Returns the message if it was the last.
    ///
    /// Results of a message that was abandoned are ignored.
    pub fn complete(&mut self, id: DeliveryId, redelivery: Option<Redelivery>) -> Option<Finished<M>> {
        let outstanding = self.change(id, |entry| {
            entry.outstanding = entry.outstanding.saturating_sub(1);
            entry.redelivery = entry.redelivery.into_iter().chain(redelivery).min();
            entry.outstanding
        })?;
        if outstanding > 0 {
            return None;
        }
        let entry = self.entries.remove(&id)?;
        self.parked -= usize::from(entry.is_parked());
        Some(Finished {
            message: entry.message,
            redelivery: entry.redelivery,
        })
    }

    /// Abandons all messages, and returns them.
    pub fn abandon(&mut self) -> Vec<M> {
        self.parked = 0;
        self.entries.drain().map(|(_, entry)| entry.message).collect()
    }

    /// The messages whose report to the queue is due.
    ///
    /// A message that only waits is held for as long as it has waited, within bounds. Its reports become rare, and the
    /// session of a killed enricher is delayed by no more than it had waited already.
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

    /// The number of messages, including those that only wait for verdicts.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of messages that wait for more than verdicts.
    pub fn busy(&self) -> usize {
        self.entries.len() - self.parked
    }

    fn change<R>(&mut self, id: DeliveryId, change: impl FnOnce(&mut InFlightMessage<M>) -> R) -> Option<R> {
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
        let mut in_flight = InFlight::new();
        let id = in_flight.begin("a", 0);
        in_flight.add(id);
        in_flight.add(id);
        assert_eq!(in_flight.complete(id, None), None);
        assert_eq!(in_flight.complete(id, None), None);
        assert_eq!(
            in_flight.complete(id, None),
            Some(Finished {
                message: "a",
                redelivery: None
            })
        );
        assert_eq!(in_flight.len(), 0);
    }

    #[test]
    fn the_most_urgent_failure_decides_when_the_message_comes_again() {
        use Redelivery::{Later, Soon};
        let redelivery = |results: [Option<Redelivery>; 3]| {
            let mut in_flight = InFlight::new();
            let id = in_flight.begin("a", 0);
            in_flight.add(id);
            in_flight.add(id);
            let last = results.map(|result| in_flight.complete(id, result));
            last[2].as_ref().unwrap().redelivery
        };
        // Reading the message always succeeds, and is often the last result.
        assert_eq!(redelivery([Some(Later), None, None]), Some(Later));
        assert_eq!(redelivery([Some(Later), Some(Soon), None]), Some(Soon));
        assert_eq!(redelivery([None, Some(Soon), Some(Later)]), Some(Soon));
        assert_eq!(redelivery([None; 3]), None);
    }

    #[test]
    fn results_of_abandoned_messages_are_ignored() {
        let mut in_flight = InFlight::new();
        let id = in_flight.begin("a", 0);
        in_flight.wait(id);
        assert_eq!(in_flight.abandon(), ["a"]);
        in_flight.add(id);
        in_flight.resume(id);
        assert_eq!(in_flight.complete(id, None), None);
        let other = in_flight.begin("b", 0);
        assert_ne!(other, id);
        assert_eq!(in_flight.busy(), 1);
    }

    #[test]
    fn message_that_only_waits_for_verdicts_is_not_busy() {
        let mut in_flight = InFlight::new();
        let id = in_flight.begin("a", 0);
        in_flight.add(id);
        in_flight.wait(id);
        assert_eq!(in_flight.busy(), 1, "it is being read");
        in_flight.complete(id, None);
        assert_eq!((in_flight.len(), in_flight.busy()), (1, 0));
        in_flight.resume(id);
        assert_eq!(in_flight.busy(), 1);
        assert!(in_flight.complete(id, None).is_some());
        assert_eq!((in_flight.len(), in_flight.busy()), (0, 0));
    }

    #[test]
    fn progress_is_reported_periodically() {
        let mut in_flight = InFlight::new();
        in_flight.begin("a", 0);
        assert_eq!(in_flight.reports(1_999).count(), 0);
        assert_eq!(
            in_flight.reports(2_000).collect::<Vec<_>>(),
            [(&"a", Report::Progress)]
        );
        assert_eq!(in_flight.reports(3_999).count(), 0);
        assert_eq!(in_flight.reports(4_000).count(), 1);
    }

    #[test]
    fn reports_of_a_message_that_waits_become_rare() {
        let mut in_flight = InFlight::new();
        let id = in_flight.begin("a", 0);
        in_flight.wait(id);
        let mut reports = 0;
        for second in 0..600 {
            for (_, report) in in_flight.reports(second * 1_000) {
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
