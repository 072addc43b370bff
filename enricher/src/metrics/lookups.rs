//! Metrics of lookups: what they found, cost and saved, and whether they may be made now.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use protocol::status::{Account, Breaker, Lookups};
use service::metrics::{Counter, Family, Gauge, Label, Latency, Metrics as Registry, States};
use tokio::sync::Notify;

use crate::lookup::admission::guard::CallFigures;
use crate::lookup::failure::LookupFailure;
use crate::lookup::free_tier::NoCall;
use crate::lookup::held_back::HeldBack;
use crate::metrics::outcomes::{VerdictCounts, VerdictSource};
use crate::verdict::Verdict;

pub struct LookupMetrics {
    pub verdicts: VerdictCounts,
    paid: Counter,
    /// Notified of each call that must be paid for.
    pub paid_notify: Arc<Notify>,
    spent: Counter<f64, AtomicU64>,
    price: f64,
    failed: Family<Label, Counter>,
    /// New sessions whose verdict was in this enricher's copy.
    pub saved_by_cache: Counter,
    /// New sessions whose verdict another enricher had found.
    pub saved_by_fleet: Counter,
    /// New sessions that share a lookup with another session.
    pub saved_by_sharing: Counter,
    saved_by_rule: [Counter; NoCall::TOKENS.len()],
    pub duration: Latency,
    pub call_duration: Latency,
    breaker: States,
    account: States,
    held_back: States,
    concurrency: Gauge,
}

impl LookupMetrics {
    /// Registers all metrics. A call costs `price`.
    pub fn new(metrics: &Registry, price: f64) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        let saved: Family<Label, Counter> = metrics.add(
            "lookups_saved",
            "New sessions that needed no call",
            Family::default(),
        );
        // Counters in fields: the hot path does not search the family.
        let saved_by = |source| saved.get_or_create_owned(&[("by", source)]);
        let failed = metrics.add(
            "lookups_failed",
            "Calls that yielded no verdict",
            Family::default(),
        );
        for kind in LookupFailure::TOKENS {
            drop(failed.get_or_create(&[("kind", kind)]));
        }
        Self {
            verdicts: VerdictCounts::new(metrics),
            paid: counter(
                "lookups_paid",
                "Calls to the Deanonymizer, excluding those that could not connect",
            ),
            paid_notify: Arc::default(),
            spent: metrics.add(
                "lookups_spent",
                "What the calls cost, by --price-per-lookup",
                Counter::default(),
            ),
            price,
            failed,
            saved_by_cache: saved_by("cache"),
            saved_by_fleet: saved_by("fleet"),
            saved_by_sharing: saved_by("sharing"),
            saved_by_rule: NoCall::TOKENS.map(saved_by),
            duration: metrics.latency(
                "lookup_duration",
                "From the first request for an address's verdict until it arrives or is given up for now",
            ),
            call_duration: metrics.latency("call_duration", "One call to the Deanonymizer"),
            breaker: metrics.states(
                "breaker",
                "The circuit breaker: 1 for its state, 0 for the others",
                &["closed", "half-open", "open"],
            ),
            account: metrics.states(
                "account",
                "Our account at the provider: 1 for its state, 0 for the others",
                &["ok", "refused", "exhausted"],
            ),
            held_back: metrics.states(
                "lookups_held_back",
                "Why no calls are made: 1 for the reason, 0 for the others",
                &HeldBack::TOKENS,
            ),
            concurrency: metrics.add(
                "lookup_concurrency",
                "How many calls this enricher may run at once now: its share of the fleet's limit",
                Gauge::default(),
            ),
        }
    }

    /// Counts a paid call.
    pub fn paid(&self) {
        self.paid.inc();
        self.spent.inc_by(self.price);
        self.paid_notify.notify_one();
    }

    /// Counts a new session whose address is not looked up.
    pub fn saved_by_rule(&self, reason: NoCall) {
        self.saved_by_rule[reason.index()].inc();
    }

    /// Counts a call that yielded no verdict.
    pub fn failed(&self, failure: &LookupFailure) {
        self.failed.get_or_create(&[("kind", failure.token())]).inc();
    }

    /// Sets whether calls may be made now and why not, and how many.
    pub fn set_admission(&self, calls: &CallFigures, account: Account, held_back: Option<HeldBack>) {
        self.held_back.set(held_back.map_or("none", HeldBack::token));
        self.breaker.set(match calls.breaker {
            Breaker::Closed => "closed",
            Breaker::HalfOpen => "half-open",
            Breaker::Open => "open",
        });
        self.account.set(match account {
            Account::Ok => "ok",
            Account::Refused => "refused",
            Account::Exhausted => "exhausted",
        });
        self.concurrency.set(calls.share);
    }

    /// What the lookups of this enricher cost and saved.
    pub fn figures(&self) -> Lookups {
        let failed = LookupFailure::TOKENS
            .iter()
            .map(|kind| self.failed.get_or_create(&[("kind", *kind)]).get());
        Lookups {
            paid: self.paid.get(),
            failed: failed.sum(),
            paid_for_hidden: self.verdicts.count(VerdictSource::Call, &Verdict::Hidden),
            saved_by_cache: self.saved_by_cache.get(),
            saved_by_fleet: self.saved_by_fleet.get(),
            saved_by_sharing: self.saved_by_sharing.get(),
            spent: self.spent.get(),
        }
    }
}
