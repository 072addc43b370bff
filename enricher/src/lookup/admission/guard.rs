//! Decides whether the Deanonymizer may be called now: asks the circuit breaker, the concurrency limit and the fleet's budget.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use protocol::Timestamp;
use protocol::status::{Breaker as BreakerState, EnricherFigures};
use service::clock;
use tokio::sync::Notify;

use crate::lookup::admission::account_gate::AccountGate;
use crate::lookup::admission::breaker::{Admission, Breaker, Evidence};
use crate::lookup::admission::budget::{Allowance, Budget, Reservation, SpanNumber};
use crate::lookup::admission::concurrency::{CallOutcome, CallTag, Concurrency};
use crate::lookup::admission::share::{PeerCalls, Peers};
use crate::lookup::billing::meter::Meter;
use crate::lookup::failure::LookupFailure;
use crate::lookup::held_back::{HeldBack, Outage};

/// The maximum number of lookups in progress, above any limit of concurrent calls.
const MAX_LOOKUPS: usize = 2048;

/// The guard. Clones share it.
#[derive(Clone)]
pub struct Guard {
    state: Arc<Mutex<State>>,
    freed: Arc<Notify>,
    /// Held while calls are reserved, so that an allowance is used up before the next one is reserved.
    budget_lock: Arc<tokio::sync::Mutex<()>>,
    budget: Option<Budget>,
    account: AccountGate,
    meter: Meter,
}

struct State {
    breaker: Breaker,
    /// How the last call failed that counts against the provider, if no call has succeeded since.
    outage: Option<Outage>,
    concurrency: Concurrency,
    in_flight: usize,
    peers: Peers,
    allowance: Allowance,
}

/// How calls are made.
#[derive(Clone, Copy, Debug)]
pub struct CallFigures {
    /// The breaker's state.
    pub breaker: BreakerState,
    /// How many of the fleet's calls this enricher may make.
    pub share: u64,
    /// How many it has in flight.
    pub in_flight: u64,
    /// The fleet's limit, if this enricher adapts it or was just asked for fewer calls.
    pub fleet_limit: Option<u64>,
}

impl State {
    /// Whether this enricher adapts the fleet's limit.
    fn leads(&self, now: Instant) -> bool {
        let is_calling = self.breaker.state() == BreakerState::Closed;
        self.peers.leads(is_calling, now)
    }

    /// How many calls may be in flight in this enricher, by the fleet's current limit.
    fn share(&mut self, now: Instant) -> usize {
        self.concurrency.shared_by(self.peers.count(now));
        if let Some(limit) = self.peers.reported_limit(now) {
            if self.leads(now) {
                self.concurrency.lower_to(limit, now);
            } else {
                self.concurrency.follow(limit, now);
            }
        }
        let is_settled = self.concurrency.is_settled(now);
        self.peers.share(self.concurrency.limit(), is_settled, now)
    }

    /// Why the breaker holds calls back.
    fn shut(&self, now: Instant) -> HeldBack {
        if self.breaker.is_paused(now) {
            HeldBack::PauseRequested(self.outage)
        } else {
            HeldBack::BreakerOpen(self.outage.unwrap_or(Outage::Silent))
        }
    }
}

impl Guard {
    /// Lets the fleet run at most `max` calls at once. `instance` is the name of this enricher.
    pub fn new(max: u16, budget: Option<Budget>, account: AccountGate, meter: Meter, instance: &str) -> Self {
        let state = State {
            breaker: Breaker::new(),
            outage: None,
            concurrency: Concurrency::new(max, Instant::now()),
            in_flight: 0,
            peers: Peers::new(instance),
            allowance: Allowance::default(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            freed: Arc::default(),
            budget_lock: Arc::default(),
            budget,
            account,
            meter,
        }
    }

    /// Why a call would be held back now.
    pub fn held_back(&self) -> Option<HeldBack> {
        if let Some(reason) = self.account.held_back() {
            return Some(reason);
        }
        let now = Instant::now();
        let state = self.lock();
        if state.breaker.is_shut(now) {
            return Some(state.shut(now));
        }
        let budget = self.budget?;
        let used_up = state.allowance.is_used_up(budget.span_at(clock::now()));
        used_up.then_some(HeldBack::BudgetUsedUp(budget))
    }

    /// How many lookups may be in progress: some wait for a permit, for a lease, or for another enricher's call. While
    /// calls are held back, only the probe. When the budget is used up, as many as the calls that were returned to it
    /// because they were not billed.
    pub fn max_lookups(&self) -> usize {
        let held_back = self.held_back().is_some();
        let only_probes = self.account.only_probes();
        let state = self.lock();
        match state.breaker.state() {
            _ if held_back => 0,
            _ if only_probes => 1,
            BreakerState::Closed => self
                .calls_left(&state)
                .map_or(MAX_LOOKUPS, |left| left.min(MAX_LOOKUPS)),
            BreakerState::Open | BreakerState::HalfOpen => 1,
        }
    }

    /// How many calls of the budget are left, if that is known because the fleet has reserved all of it.
    fn calls_left(&self, state: &State) -> Option<usize> {
        let span = self.budget?.span_at(clock::now());
        let left = state.allowance.remaining_if_exhausted(span)?;
        Some(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Whether the provider accepts our account.
    pub fn account(&self) -> &AccountGate {
        &self.account
    }

    /// The Deanonymizer asked some enricher to make no calls until this time.
    pub fn wait_until(&self, until: Timestamp) {
        let wait = u64::try_from(until - clock::now()).unwrap_or(0);
        self.lock()
            .breaker
            .pause(Duration::from_millis(wait), Instant::now());
    }

    /// From now on, this enricher receives the statuses of the others.
    pub fn start_listening(&self) {
        self.lock().peers.start_listening(Instant::now());
    }

    /// Another enricher has published its status.
    pub fn on_status(&self, instance: &str, figures: &EnricherFigures) {
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let calls = PeerCalls {
            in_flight: count(figures.lookups_in_flight),
            fleet_limit: figures.fleet_lookup_limit.map(count),
            is_calling: figures.breaker == BreakerState::Closed,
        };
        self.lock().peers.on_status(instance, calls, Instant::now());
    }

    /// How calls are made now.
    pub fn figures(&self) -> CallFigures {
        let now = Instant::now();
        let mut state = self.lock();
        let share = state.share(now);
        let breaker = state.breaker.state();
        let reports_limit = state.leads(now) || state.concurrency.demands_fewer(now);
        let figures = CallFigures {
            breaker,
            share: share as u64,
            in_flight: state.in_flight as u64,
            fleet_limit: reports_limit.then(|| state.concurrency.limit() as u64),
        };
        drop(state);
        // The share may have grown, because others have left or the limit was raised.
        self.freed.notify_waiters();
        figures
    }

    /// What the whole fleet has spent.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Waits for capacity and returns the permission for one call.
    ///
    /// # Errors
    /// Fails if calls are held back.
    pub async fn enter(&self) -> Result<Permit, HeldBack> {
        loop {
            let freed = self.freed.notified();
            if let Some(reason) = self.account.held_back() {
                // Wakes the next waiter, which then fails for the same reason.
                self.freed.notify_one();
                return Err(reason);
            }
            {
                let mut state = self.lock();
                let now = Instant::now();
                if state.in_flight < state.share(now) {
                    let Some(admission) = state.breaker.admit(now) else {
                        // The capacity is still free; wakes the next waiter, which then fails for the same reason.
                        self.freed.notify_one();
                        return Err(state.shut(now));
                    };
                    state.in_flight += 1;
                    return Ok(Permit {
                        guard: self.clone(),
                        call: state.concurrency.begin(now),
                        admission,
                        started: now,
                        paid_of: None,
                        ended: false,
                    });
                }
                state.concurrency.wait(now);
            }
            freed.await;
        }
    }

    /// Takes one call from the fleet's budget. Returns the span that it was taken from.
    async fn pay(&self) -> Result<Option<SpanNumber>, LookupFailure> {
        let Some(budget) = self.budget else {
            return Ok(None);
        };
        let _turn = self.budget_lock.lock().await;
        loop {
            let span = budget.span_at(clock::now());
            {
                let mut state = self.lock();
                if state.allowance.take(span) {
                    return Ok(Some(span));
                }
                if state.allowance.is_used_up(span) {
                    return Err(HeldBack::BudgetUsedUp(budget).into());
                }
            }
            let reserved = self.meter.reserve(&budget).await?;
            let mut state = self.lock();
            match reserved {
                Some(reservation) => state.allowance.put(reservation),
                None => state.allowance.fleet_has_none(span),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission for one call. If it is dropped before the call ends, for example because the visitor has left, the call
/// says nothing about the provider.
pub struct Permit {
    guard: Guard,
    call: CallTag,
    admission: Admission,
    started: Instant,
    /// The span of the budget that the call was taken from.
    paid_of: Option<SpanNumber>,
    ended: bool,
}

impl Permit {
    /// Takes the call from the fleet's budget, just before it is made.
    ///
    /// # Errors
    /// Fails if the budget is used up, or if it is not known what the fleet has spent.
    pub async fn pay(&mut self) -> Result<(), LookupFailure> {
        self.paid_of = self.guard.pay().await?;
        self.started = Instant::now();
        Ok(())
    }

    /// The call has ended. One that is not billed goes back to the budget. An answer that is unusable for one address,
    /// comes later, or refuses our account counts neither for nor against the provider, which is available and answers.
    pub fn end<T>(mut self, outcome: &Result<T, LookupFailure>, is_billed: bool) {
        let now = Instant::now();
        let mut state = self.guard.lock();
        let failure = outcome.as_ref().err();
        let took = self.started.elapsed();
        let call_outcome = failure.map_or(CallOutcome::Answered(took), |failure| failure.call_outcome(took));
        state.concurrency.end(self.call, call_outcome, now);
        let before = state.breaker.state();
        state.breaker.end(
            self.admission,
            Evidence::of(failure.map(LookupFailure::kind)),
            now,
        );
        match failure {
            None => state.outage = None,
            Some(failure) => state.outage = failure.outage().or(state.outage),
        }
        if let Some(wait) = failure.and_then(LookupFailure::pause) {
            state.breaker.pause(wait, now);
        }
        if let Some(span) = self.paid_of
            && !is_billed
        {
            state.allowance.put_back(Reservation { span, calls: 1 });
        }
        let after = state.breaker.state();
        drop(state);
        log_outage(before, after, failure);
        self.ended = true;
    }
}

/// Logs when an outage begins and ends, not each time that a call probes.
fn log_outage(before: BreakerState, after: BreakerState, failure: Option<&LookupFailure>) {
    match (before, after, failure) {
        (BreakerState::Closed, BreakerState::Open, Some(failure)) => {
            tracing::warn!(%failure, "lookups fail; calls to the Deanonymizer are held back");
        }
        (BreakerState::HalfOpen, BreakerState::Closed, _) => tracing::info!("the Deanonymizer answers again"),
        _ => {}
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.guard.lock();
        state.in_flight -= 1;
        if !self.ended {
            state.breaker.end(self.admission, Evidence::None, Instant::now());
        }
        drop(state);
        // One permit is the call's own, and the limit may have grown by another because of its result.
        self.guard.freed.notify_one();
        self.guard.freed.notify_one();
    }
}
