//! The enricher's metrics. The status message takes its figures from them.

pub mod lookups;
pub mod outcomes;

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use protocol::EventKind;
use protocol::sample::Sample;
use protocol::status::EnricherFigures;
use service::metrics::{Counter, Family, Gauge, Label, Latency, Metrics as Registry};

use crate::lookup::admission::guard::Guard;
use crate::metrics::lookups::LookupMetrics;
use crate::metrics::outcomes::EventOutcomes;

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
    pub queue: Latency,
    pub lookups: LookupMetrics,
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
        Self {
            records_out: AtomicU64::new(0),
            events: EventKind::ALL.map(|kind| events.get_or_create_owned(&[("kind", kind.token())])),
            outcomes: EventOutcomes::new(metrics),
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
            queue: metrics.latency(
                "queue_duration",
                "From the receipt of a raw message's oldest event until an enricher first takes the message",
            ),
            lookups: LookupMetrics::new(metrics, price),
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

    /// The figures for the status message.
    pub fn figures(&self, guard: &Guard) -> EnricherFigures {
        let calls = guard.figures();
        let account = guard.account().account();
        let held_back = guard.held_back();
        self.lookups.set_admission(&calls, account, held_back);
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
            lookups: self.lookups.figures(),
            breaker: calls.breaker,
            lookup_concurrency: calls.share,
            lookups_in_flight: calls.in_flight,
            fleet_lookup_limit: calls.fleet_limit,
            lookups_held_back: held_back.map(|reason| reason.to_string()),
            account,
            fleet: guard.meter().total(),
            rules: None,
        }
    }
}
