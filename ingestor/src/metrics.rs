//! The ingestor's metrics, which its status reports as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use protocol::status::{EmitterFigures, IngestorFigures};
use protocol::{Event, EventKind, Millis};
use service::clock;
use service::metrics::{Counter, Family, Gauge, Label, Latency, Metrics, NameLabel};

/// The metrics of the ingestor.
pub struct IngestorMetrics {
    /// Valid events, by kind.
    events: [Counter; EventKind::ALL.len()],
    /// Pages, titles and referrers left out of valid events, by field.
    fields_dropped: [Counter; 3],
    /// One for each emitter, in the order of the flag.
    emitters: Vec<Arc<EmitterMetrics>>,
    /// Events that the raw stream has acknowledged; an event that is sent again counts again.
    published: Counter,
    /// Messages that the raw stream has acknowledged.
    batches: Counter,
    /// Events not yet acknowledged.
    pub waiting: Gauge,
    /// Events dropped because too many were waiting.
    pub dropped: Counter,
    /// From the receipt of a message's oldest event to the message's acknowledgement.
    publish: Latency,
}

/// The metrics of one emitter.
pub struct EmitterMetrics {
    /// Its host and port.
    name: String,
    /// Frames read from it.
    received: Counter,
    /// Connections made to it.
    pub connections: Counter,
    /// 1 while it is connected and the connection has proved itself.
    pub connected: Gauge,
    /// When it last sent a frame, or when the process started.
    last_frame_at: AtomicI64,
}

impl EmitterMetrics {
    /// Counts a frame.
    pub fn frame(&self, received_at: Millis) {
        self.received.inc();
        self.last_frame_at.store(received_at, Ordering::Relaxed);
    }

    fn figures(&self, now: Millis) -> EmitterFigures {
        let silence = now - self.last_frame_at.load(Ordering::Relaxed);
        EmitterFigures {
            name: self.name.clone(),
            connected: self.connected.get() == 1,
            silent_seconds: silence.max(0) as f64 / 1000.0,
            received: self.received.get(),
        }
    }
}

/// The metrics of all emitters.
struct EmitterFamilies {
    received: Family<NameLabel, Counter>,
    connections: Family<NameLabel, Counter>,
    connected: Family<NameLabel, Gauge>,
}

impl EmitterFamilies {
    fn new(metrics: &Metrics) -> Self {
        Self {
            received: metrics.add(
                "frames_received",
                "Frames read from the emitter",
                Family::default(),
            ),
            connections: metrics.add(
                "emitter_connections",
                "Connections made to the emitter",
                Family::default(),
            ),
            connected: metrics.add(
                "emitter_connected",
                "1 while the connection to the emitter is open and has proved itself",
                Family::default(),
            ),
        }
    }

    fn of(&self, name: &str) -> EmitterMetrics {
        let label = [("emitter", name.to_owned())];
        EmitterMetrics {
            name: name.to_owned(),
            received: self.received.get_or_create_owned(&label),
            connections: self.connections.get_or_create_owned(&label),
            connected: self.connected.get_or_create_owned(&label),
            last_frame_at: AtomicI64::new(clock::uptime()),
        }
    }
}

impl IngestorMetrics {
    /// Registers all metrics. The emitters have these names.
    pub fn new(metrics: &Metrics, emitters: &[String]) -> Self {
        let families = EmitterFamilies::new(metrics);
        let events: Family<Label, Counter> = metrics.add(
            "events_received",
            "Valid events read from the emitter",
            Family::default(),
        );
        let fields: Family<Label, Counter> = metrics.add(
            "event_fields_dropped",
            "Pages, titles and referrers left out of valid events because they cannot be kept",
            Family::default(),
        );
        Self {
            fields_dropped: ["page", "title", "referrer"]
                .map(|field| fields.get_or_create_owned(&[("field", field)])),
            events: EventKind::ALL.map(|kind| events.get_or_create_owned(&[("kind", kind.token())])),
            emitters: emitters.iter().map(|name| Arc::new(families.of(name))).collect(),
            published: metrics.add(
                "events_published",
                "Events that the raw stream has acknowledged",
                Counter::default(),
            ),
            batches: metrics.add(
                "batches_published",
                "Messages of events that the raw stream has acknowledged",
                Counter::default(),
            ),
            waiting: metrics.add("events_waiting", "Events not yet acknowledged", Gauge::default()),
            dropped: metrics.add(
                "events_dropped",
                "Events dropped because too many were waiting",
                Counter::default(),
            ),
            publish: metrics.latency(
                "publish_duration",
                "From the receipt of a message's oldest event until the raw stream has acknowledged the message",
            ),
        }
    }

    /// The metrics of each emitter, in the order of their names.
    pub fn emitters(&self) -> &[Arc<EmitterMetrics>] {
        &self.emitters
    }

    /// Counts a valid event, and the parts of it that cannot be kept.
    pub fn event(&self, event: &Event<'_>) {
        self.events[event.kind as usize].inc();
        let reported = &event.reported;
        let dropped = [
            reported.page_dropped,
            reported.title_dropped,
            reported.referrer_dropped,
        ];
        for (counter, dropped) in self.fields_dropped.iter().zip(dropped) {
            if dropped {
                counter.inc();
            }
        }
    }

    /// Counts an acknowledged message with this number of events; the oldest was received at `oldest`.
    pub fn published(&self, events: u64, oldest: Millis) {
        self.published.inc_by(events);
        self.batches.inc();
        self.publish.since_uptime(oldest);
    }

    /// The figures for the status.
    pub fn figures(&self, rejected: u64) -> IngestorFigures {
        let now = clock::uptime();
        let emitters: Vec<_> = self.emitters.iter().map(|emitter| emitter.figures(now)).collect();
        let silences = emitters.iter().map(|emitter| emitter.silent_seconds);
        IngestorFigures {
            emitter_connected: emitters.iter().any(|emitter| emitter.connected),
            emitter_silent_seconds: silences.reduce(f64::min).unwrap_or_default(),
            received: emitters.iter().map(|emitter| emitter.received).sum(),
            emitters,
            rejected,
            published: self.published.get(),
            waiting: self.waiting.get(),
            dropped: self.dropped.get(),
        }
    }
}
