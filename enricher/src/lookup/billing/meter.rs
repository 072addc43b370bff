//! This enricher's part in the fleet's bill: writes its own account, restores what was lost, and reserves calls of the budget.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::Timestamp;
use protocol::status::{FleetLookups, Lookups};
use service::bucket::BucketError;
use service::{Nats, clock};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::lookup::admission::budget::{Budget, Reservation};
use crate::lookup::billing::bill::Bill;
use crate::lookup::cache::claim_gate::RESTORE_TIME;
use crate::lookup::cache::shared::{CONFLICTS, SharedCache};

/// How often the bill in the bucket is compared with what is known here.
const COMPARE_INTERVAL: Duration = Duration::from_secs(2);

/// The minimum pause between two writes, so that many calls share one write.
const WRITE_PAUSE: Duration = Duration::from_millis(200);

/// How long a process that is exiting tries to write its last calls.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// This enricher's copy of the bill. Clones share it.
#[derive(Clone)]
pub struct Meter {
    shared_cache: SharedCache,
    own_lookups: Arc<dyn Fn() -> Lookups + Send + Sync>,
    paid: Arc<Notify>,
    state: Arc<Mutex<State>>,
    /// Held while writing: one write at a time, because two would only conflict.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct State {
    known: Option<Bill>,
    own: OwnAccount,
}

/// The name under which this enricher's calls are on the bill.
struct OwnAccount {
    instance: Arc<str>,
    name: String,
    /// How often it had to begin a new account.
    renamed: u32,
    /// The sum of its own accounts that were closed.
    closed: Lookups,
    /// The content of its account.
    written: Lookups,
    /// Whether calls are recorded when they are reserved from a budget; otherwise they are recorded once they are paid for.
    has_budget: bool,
}

impl OwnAccount {
    fn new(instance: &Arc<str>, has_budget: bool) -> Self {
        Self {
            instance: Arc::clone(instance),
            name: instance.to_string(),
            renamed: 0,
            closed: Lookups::default(),
            written: Lookups::default(),
            has_budget,
        }
    }

    /// Records what this enricher has spent in total, `lookups`, in `bill`. If the others considered it gone and closed its
    /// account, as after a long freeze, it begins another one.
    fn enter(&mut self, bill: &mut Bill, lookups: Lookups, now: Timestamp) {
        if bill.is_closed(&self.name) {
            self.closed = self.closed.plus(std::mem::take(&mut self.written));
            self.renamed += 1;
            self.name = format!("{}.{}", self.instance, self.renamed);
        }
        let lookups = lookups.since(self.closed);
        let calls = lookups.since(bill.recorded(&self.name)).paid;
        if !self.has_budget && calls > 0 {
            bill.reserve(&self.name, calls, now);
        }
        bill.record(&self.name, lookups, now);
        bill.close_old(&self.name, now);
    }
}

impl State {
    /// The bill to write over `stored`, now that this enricher has spent `lookups`.
    fn bill(&mut self, stored: Option<&Bill>, lookups: Lookups, now: Timestamp) -> Bill {
        let mut bill = match (stored, &self.known) {
            (Some(stored), Some(known)) => stored.clone().join(known),
            (Some(bill), None) | (None, Some(bill)) => bill.clone(),
            (None, None) => Bill::new(now),
        };
        self.own.enter(&mut bill, lookups, now);
        bill
    }

    fn learn(&mut self, bill: &Bill) {
        let known = match self.known.take() {
            Some(known) => known.join(bill),
            None => bill.clone(),
        };
        if !known.is_closed(&self.own.name) {
            self.own.written = known.recorded(&self.own.name);
        }
        self.known = Some(known);
    }
}

impl Meter {
    /// Creates a meter that knows of no bill yet. `own_lookups` returns what this enricher has spent so far, with a budget
    /// or without, and `paid` is notified of each paid call.
    pub fn new(
        shared_cache: SharedCache,
        has_budget: bool,
        own_lookups: impl Fn() -> Lookups + Send + Sync + 'static,
        paid: Arc<Notify>,
    ) -> Self {
        let own = OwnAccount::new(shared_cache.instance(), has_budget);
        Self {
            shared_cache,
            own_lookups: Arc::new(own_lookups),
            paid,
            state: Arc::new(Mutex::new(State { known: None, own })),
            turn: Arc::default(),
        }
    }

    /// What the whole fleet has spent according to the bucket: a figure that is shown must outlive this enricher.
    pub fn total(&self) -> Option<FleetLookups> {
        let state = self.lock();
        let known = state.known.as_ref()?;
        Some(FleetLookups {
            since: known.since,
            lookups: known.total(),
        })
    }

    /// Whether the bucket had a bill when it was last read.
    pub fn is_stored(&self) -> bool {
        self.lock().known.is_some()
    }

    /// The bucket has this bill.
    pub fn learn(&self, bill: &Bill) {
        self.lock().learn(bill);
    }

    /// Keeps the bill in the bucket up to date. Never returns.
    pub async fn run(self, nats: Nats) {
        loop {
            let epoch = nats.connected().await;
            clock::known().await;
            match self.write().await {
                Ok(()) => {
                    sleep(WRITE_PAUSE).await;
                    tokio::select! {
                        () = self.paid.notified() => {}
                        () = nats.lost(epoch) => {}
                        () = sleep(COMPARE_INTERVAL) => {}
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "the bill was not written");
                    sleep(WRITE_PAUSE).await;
                }
            }
        }
    }

    /// Writes what this enricher knows and the bucket lacks, if anything.
    ///
    /// # Errors
    /// Fails if the bucket cannot be read or does not acknowledge.
    pub async fn write(&self) -> Result<(), BucketError> {
        self.exchange(|_, _, _| ()).await
    }

    /// Records the calls that ended during the shutdown, if the bucket is available.
    pub async fn write_last(&self) {
        if !matches!(timeout(LAST_WRITE_TIMEOUT, self.write()).await, Ok(Ok(()))) {
            tracing::debug!("the last calls were not written to the bill");
        }
    }

    /// Reserves a few calls of the fleet's budget; `None` if nothing is left for now.
    ///
    /// # Errors
    /// Fails if it is not certain what is left.
    pub async fn reserve(&self, budget: &Budget) -> Result<Option<Reservation>, BucketError> {
        loop {
            let reserved = self.exchange(|bill, name, now| {
                // The bucket may have been lost, and others may know what was spent before.
                let restored_at = bill.since + RESTORE_TIME;
                // A bill from the future means that the clock was set back.
                if (bill.since..restored_at).contains(&now) {
                    return Err(Duration::from_millis((restored_at - now).unsigned_abs()));
                }
                let reservation = budget.reserve(bill.reserved(budget.span(), now), now);
                if let Some(reservation) = reservation {
                    bill.reserve(name, reservation.calls, now);
                }
                Ok(reservation)
            });
            match reserved.await? {
                Ok(reservation) => return Ok(reservation),
                Err(wait) => sleep(wait).await,
            }
        }
    }

    /// Reads the bill, changes it, and writes it unless another enricher has done so meanwhile; then it starts over.
    async fn exchange<T>(
        &self,
        mut change: impl FnMut(&mut Bill, &str, Timestamp) -> T,
    ) -> Result<T, BucketError> {
        let _turn = self.turn.lock().await;
        for _ in 0..CONFLICTS {
            let (stored, sequence) = self.shared_cache.bill().await?;
            let now = clock::now();
            let lookups = (self.own_lookups)();
            let (mut bill, name) = {
                let mut state = self.lock();
                (state.bill(stored.as_ref(), lookups, now), state.own.name.clone())
            };
            let changed = change(&mut bill, &name, now);
            if stored.as_ref() == Some(&bill) || self.shared_cache.write_bill(&bill, sequence).await? {
                self.lock().learn(&bill);
                return Ok(changed);
            }
        }
        Err(BucketError::Contended(CONFLICTS))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::admission::budget::Span;
    use protocol::time::unix_ms;

    fn paid(paid: u64) -> Lookups {
        Lookups {
            paid,
            ..Lookups::default()
        }
    }

    fn enricher(name: &str) -> State {
        State {
            known: None,
            own: OwnAccount::new(&name.into(), false),
        }
    }

    #[test]
    fn an_empty_bucket_is_filled_with_what_is_known() {
        let (mut a, mut b) = (enricher("a"), enricher("b"));
        let bill = a.bill(None, paid(3), unix_ms(1_000));
        a.learn(&bill);
        b.learn(&bill);
        let bill = b.bill(Some(&bill), paid(2), unix_ms(2_000));
        // The bucket is lost. Both restore what they know, and a third one begins a bill of its own.
        let begun = enricher("c").bill(None, paid(1), unix_ms(9_000));
        let restored = a.bill(Some(&begun), paid(3), unix_ms(9_100));
        assert_eq!((restored.since, restored.total().paid), (unix_ms(1_000), 4));
        b.learn(&bill);
        let restored = b.bill(Some(&restored), paid(2), unix_ms(9_200));
        assert_eq!(restored.total().paid, 6);
        assert_eq!(a.bill(Some(&restored), paid(3), unix_ms(9_300)), restored);
    }

    #[test]
    fn calls_without_a_budget_count_in_the_spans_of_one_that_comes_later() {
        let mut a = enricher("a");
        let bill = a.bill(None, paid(3), unix_ms(1_000));
        assert_eq!(bill.reserved(Span::Day, unix_ms(1_000)), 3);
        // The acknowledgement was lost: the same calls are not entered again.
        let bill = a.bill(Some(&bill), paid(4), unix_ms(2_000));
        assert_eq!(
            (bill.reserved(Span::Day, unix_ms(2_000)), bill.total().paid),
            (4, 4)
        );
    }

    #[test]
    fn an_enricher_that_was_taken_for_gone_begins_another_account() {
        let mut frozen = enricher("frozen");
        let mut bill = frozen.bill(None, paid(5), unix_ms(0));
        frozen.learn(&bill);
        let now = unix_ms(3_600_000);
        for number in 0..20 {
            bill.record(&number.to_string(), paid(1), now);
        }
        bill.close_old("0", now);
        assert!(bill.is_closed("frozen"));
        frozen.learn(&bill);
        let bill = frozen.bill(Some(&bill), paid(7), now);
        assert_eq!(bill.total().paid, 27);
        frozen.learn(&bill);
        assert_eq!(frozen.bill(Some(&bill), paid(8), now).total().paid, 28);
    }
}
