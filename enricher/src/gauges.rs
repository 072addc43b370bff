//! The enricher's figures, for metrics and status alike.

use protocol::EventKind;
use protocol::status::EnricherFigures;
use service::metrics::{Counter, Family, Gauge, Label, Metrics};

use crate::answer::Failure;

/// What the enricher counts.
pub struct Gauges {
    events: Family<Label, Counter>,
    /// Events whose timestamp was replaced by the time of receipt.
    pub timestamps_replaced: Counter,
    /// Events of sessions that are never shown.
    pub events_hidden: Counter,
    /// Records written.
    pub records: Counter,
    /// Tombstones written.
    pub tombstones: Counter,
    /// Activities written.
    pub activities: Counter,
    /// Raw messages given back to the queue.
    pub returned: Counter,
    /// Raw messages being handled.
    pub deliveries: Gauge,
    /// Sessions whose record is known to be out.
    pub sessions: Gauge,
    /// Sessions that wait for a verdict.
    pub being_identified: Gauge,
    /// Messages in the raw stream that no enricher has taken yet.
    pub queue_waiting: Gauge,
    /// Calls to the Deanonymizer.
    pub lookups_paid: Counter,
    /// New sessions whose verdict was in the cache.
    pub lookups_cached: Counter,
    /// New sessions that waited for a call that another had caused.
    pub lookups_shared: Counter,
    lookups_failed: Family<Label, Counter>,
}

impl Gauges {
    /// Registers them all.
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        let gauge = |name, help| metrics.add(name, help, Gauge::default());
        Self {
            events: metrics.add(
                "events",
                "Events taken from the queue, repetitions included",
                Family::default(),
            ),
            timestamps_replaced: counter(
                "timestamps_replaced",
                "Timestamps replaced by the time of receipt",
            ),
            events_hidden: counter("events_hidden", "Events of sessions that are never shown"),
            records: counter("records_published", "Records written"),
            tombstones: counter("tombstones_published", "Tombstones written"),
            activities: counter("activities_published", "Activities written"),
            returned: counter("deliveries_returned", "Raw messages given back to the queue"),
            deliveries: gauge("deliveries_open", "Raw messages being handled"),
            sessions: gauge("sessions_known", "Sessions whose record is known to be out"),
            being_identified: gauge("sessions_being_identified", "Sessions that wait for a verdict"),
            queue_waiting: gauge("queue_waiting", "Raw messages that no enricher has taken yet"),
            lookups_paid: counter("lookups_paid", "Calls to the Deanonymizer"),
            lookups_cached: counter("lookups_cached", "New sessions whose verdict was in the cache"),
            lookups_shared: counter("lookups_shared", "New sessions that shared the call of another"),
            lookups_failed: metrics.add(
                "lookups_failed",
                "Calls that brought no verdict",
                Family::default(),
            ),
        }
    }

    /// Counts an event.
    pub fn event(&self, kind: EventKind) {
        self.events.get_or_create(&[("kind", kind.token())]).inc();
    }

    /// Counts a call that brought no verdict.
    pub fn lookup_failed(&self, failure: &Failure) {
        self.lookups_failed
            .get_or_create(&[("kind", failure.token())])
            .inc();
    }

    /// The figures for the status.
    pub fn figures(&self) -> EnricherFigures {
        let count = |gauge: &Gauge| u64::try_from(gauge.get()).unwrap_or_default();
        let failed = Failure::TOKENS
            .iter()
            .map(|kind| self.lookups_failed.get_or_create(&[("kind", *kind)]).get());
        EnricherFigures {
            being_identified: count(&self.being_identified),
            events_handled: EventKind::ALL
                .iter()
                .map(|kind| self.events.get_or_create(&[("kind", kind.token())]).get())
                .sum(),
            queue_waiting: count(&self.queue_waiting),
            lookups_paid: self.lookups_paid.get(),
            lookups_saved: self.lookups_cached.get() + self.lookups_shared.get(),
            lookups_failed: failed.sum(),
        }
    }
}
