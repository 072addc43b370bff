//! The enricher's metrics. The status message takes its figures from them.

pub mod outcomes;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::EventKind;
use protocol::sample::Sample;
use protocol::status::{Account, Breaker, EnricherFigures, Lookups};
use service::metrics::{Counter, Family, Gauge, Label, Latency, Metrics as Registry, States};
use tokio::sync::Notify;

use crate::lookup::admission::guard::Guard;
use crate::lookup::failure::LookupFailure;
use crate::lookup::free_tier::NoCall;
use crate::metrics::outcomes::{EventOutcomes, VerdictCounts, VerdictSource};
use crate::verdict::Verdict;

pub struct Metrics {
    events: [Counter; EventKind::ALL.len()],
    pub outcomes: EventOutcomes,
    pub timestamps_replaced: Counter,
    pub records: Counter,
    pub tombstones: Counter,
    pub tombstones_shortened: Counter,
    pub records_refused: Counter,
    pub records_hidden: Counter,
    pub records_redacted: Counter,
    pub activities: Counter,
    pub returned: Counter,
    pub deliveries: Gauge,
    pub sessions: Gauge,
    pub being_identified: Gauge,
    /// Their sample.
    unidentified: Mutex<Sample>,
    pub queue_waiting: Gauge,
    lookups_paid: Counter,
    /// Notified of each call that must be paid for.
    pub paid: Arc<Notify>,
    /// New sessions whose verdict was in this enricher's copy.
    pub saved_by_cache: Counter,
    /// New sessions whose verdict another enricher had found.
    pub saved_by_fleet: Counter,
    /// New sessions that share a lookup with another session.
    pub saved_by_sharing: Counter,
    saved_by_rule: [Counter; NoCall::TOKENS.len()],
    pub verdicts: VerdictCounts,
    pub queue: Latency,
    pub lookup: Latency,
    pub call: Latency,
    spent: Counter<f64, AtomicU64>,
    price: f64,
    breaker: States,
    account: States,
    concurrency: Gauge,
    lookups_failed: Family<Label, Counter>,
    /// The minimum number of messages that the stream of sessions must hold. Not a metric.
    pub records_out: AtomicU64,
}

impl Metrics {
    /// Registers all metrics. A call costs `price`.
    pub fn new(metrics: &Registry, price: f64) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        let gauge = |name, help| metrics.add(name, help, Gauge::default());
        let events: Family<Label, Counter> = metrics.add(
            "events",
            "Events taken from the queue, repetitions included",
            Family::default(),
        );
        let lookups_saved: Family<Label, Counter> = metrics.add(
            "lookups_saved",
            "New sessions that needed no call",
            Family::default(),
        );
        // Counters in arrays: the hot path does not search the family.
        let saved_by = |source| lookups_saved.get_or_create_owned(&[("by", source)]);
        let lookups_failed: Family<Label, Counter> = metrics.add(
            "lookups_failed",
            "Calls that yielded no verdict",
            Family::default(),
        );
        for kind in LookupFailure::TOKENS {
            drop(lookups_failed.get_or_create(&[("kind", kind)]));
        }
        Self {
            records_out: AtomicU64::new(0),
            events: EventKind::ALL.map(|kind| events.get_or_create_owned(&[("kind", kind.token())])),
            outcomes: EventOutcomes::new(metrics),
            verdicts: VerdictCounts::new(metrics),
            timestamps_replaced: counter(
                "timestamps_replaced",
                "Timestamps replaced by the time of receipt",
            ),
            records: counter("records_published", "Records written"),
            tombstones: counter("tombstones_published", "Tombstones written"),
            tombstones_shortened: counter(
                "tombstones_shortened",
                "Tombstones kept for a shorter time because the stream of sessions is filling up",
            ),
            records_refused: counter(
                "records_refused",
                "Sessions that had to wait because the stream of sessions was full",
            ),
            records_hidden: counter(
                "records_hidden",
                "Records replaced by a tombstone because their session must not be shown",
            ),
            records_redacted: counter(
                "records_redacted",
                "Records rewritten because they contained something that must not be shown",
            ),
            activities: counter("activities_published", "Activities written"),
            returned: counter("deliveries_returned", "Raw messages given back to the queue"),
            deliveries: gauge("deliveries_open", "Raw messages being handled"),
            sessions: gauge("sessions_known", "Sessions whose record is known to be published"),
            being_identified: gauge("sessions_being_identified", "Sessions that wait for a verdict"),
            unidentified: Mutex::default(),
            queue_waiting: gauge("queue_waiting", "Raw messages that no enricher has taken yet"),
            lookups_paid: counter(
                "lookups_paid",
                "Calls to the Deanonymizer, excluding those that could not connect",
            ),
            paid: Arc::default(),
            saved_by_cache: saved_by("cache"),
            saved_by_fleet: saved_by("fleet"),
            saved_by_sharing: saved_by("sharing"),
            saved_by_rule: NoCall::TOKENS.map(saved_by),
            queue: metrics.latency(
                "queue_duration",
                "From the receipt of a raw message's oldest event until an enricher first takes the message",
            ),
            lookup: metrics.latency(
                "lookup_duration",
                "From the first request for an address's verdict until it arrives or is given up for now",
            ),
            call: metrics.latency("call_duration", "One call to the Deanonymizer"),
            spent: metrics.add(
                "lookups_spent",
                "What the calls cost, by --price-per-lookup",
                Counter::default(),
            ),
            price,
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
            concurrency: gauge(
                "lookup_concurrency",
                "How many calls this enricher may run at once now: its share of the fleet's limit",
            ),
            lookups_failed,
        }
    }

    /// Sets the sample of sessions that wait for a verdict.
    pub fn set_unidentified(&self, sample: Sample) {
        *self.unidentified.lock().unwrap_or_else(PoisonError::into_inner) = sample;
    }

    /// Counts an event.
    pub fn event(&self, kind: EventKind) {
        self.events[kind as usize].inc();
    }

    /// Counts a paid call.
    pub fn lookup_paid(&self) {
        self.lookups_paid.inc();
        self.spent.inc_by(self.price);
        self.paid.notify_one();
    }

    /// Counts a new session whose address is not looked up.
    pub fn saved_by_rule(&self, reason: NoCall) {
        self.saved_by_rule[reason.index()].inc();
    }

    /// Counts a call that yielded no verdict.
    pub fn lookup_failed(&self, failure: &LookupFailure) {
        self.lookups_failed
            .get_or_create(&[("kind", failure.token())])
            .inc();
    }

    /// What the lookups of this enricher cost and saved.
    pub fn lookups(&self) -> Lookups {
        let failed = LookupFailure::TOKENS
            .iter()
            .map(|kind| self.lookups_failed.get_or_create(&[("kind", *kind)]).get());
        Lookups {
            paid: self.lookups_paid.get(),
            failed: failed.sum(),
            paid_for_hidden: self.verdicts.count(VerdictSource::Call, &Verdict::Hidden),
            saved_by_cache: self.saved_by_cache.get(),
            saved_by_fleet: self.saved_by_fleet.get(),
            saved_by_sharing: self.saved_by_sharing.get(),
            spent: self.spent.get(),
        }
    }

    /// The figures for the status message.
    pub fn figures(&self, guard: &Guard) -> EnricherFigures {
        let calls = guard.figures();
        self.breaker.set(match calls.breaker {
            Breaker::Closed => "closed",
            Breaker::HalfOpen => "half-open",
            Breaker::Open => "open",
        });
        let account = guard.account().account();
        self.account.set(match account {
            Account::Ok => "ok",
            Account::Refused => "refused",
            Account::Exhausted => "exhausted",
        });
        self.concurrency.set(calls.share);
        EnricherFigures {
            being_identified: self.being_identified.get(),
            unidentified: Some(
                self.unidentified
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone(),
            ),
            events_handled: self.events.iter().map(Counter::get).sum(),
            queue_waiting: self.queue_waiting.get(),
            lookups: self.lookups(),
            breaker: calls.breaker,
            lookup_concurrency: calls.share,
            lookups_in_flight: calls.in_flight,
            fleet_lookup_limit: calls.fleet_limit,
            lookups_held_back: guard.held_back().map(|reason| reason.to_string()),
            account,
            fleet: guard.meter().total(),
            rules: None,
        }
    }
}
