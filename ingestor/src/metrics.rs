//! The ingestor's metrics, which its status reports as well.

use std::sync::atomic::{AtomicI64, Ordering};

use protocol::status::IngestorFigures;
use protocol::{EventKind, Millis};
use service::clock;
use service::metrics::{Counter, Family, Gauge, Label, Latency, Metrics};

/// The metrics of the ingestor.
pub struct IngestorMetrics {
    /// Frames read from the emitter.
    pub received: Counter,
    /// Valid events, by kind.
    events: [Counter; EventKind::ALL.len()],
    /// Connections made to the emitter.
    pub connections: Counter,
    /// 1 while the connection to the emitter is open.
    pub connected: Gauge,
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
    last_frame_at: AtomicI64,
}

impl IngestorMetrics {
    /// Registers all metrics.
    pub fn new(metrics: &Metrics) -> Self {
        let events: Family<Label, Counter> = metrics.add(
            "events_received",
            "Valid events read from the emitter",
            Family::default(),
        );
        Self {
            events: EventKind::ALL.map(|kind| events.get_or_create_owned(&[("kind", kind.token())])),
            received: metrics.add(
                "frames_received",
                "Frames read from the emitter",
                Counter::default(),
            ),
            connections: metrics.add(
                "emitter_connections",
                "Connections made to the emitter",
                Counter::default(),
            ),
            connected: metrics.add(
                "emitter_connected",
                "1 while the connection to the emitter is open",
                Gauge::default(),
            ),
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
                "From the receipt of a message's oldest event until the raw stream has the message",
            ),
            last_frame_at: AtomicI64::new(clock::uptime()),
        }
    }

    /// Counts a frame.
    pub fn frame(&self, received_at: i64) {
        self.received.inc();
        self.last_frame_at.store(received_at, Ordering::Relaxed);
    }

    /// Counts a valid event.
    pub fn event(&self, kind: EventKind) {
        self.events[kind as usize].inc();
    }

    /// Counts an acknowledged message with this number of events, of which the oldest was received at `oldest`.
    pub fn published(&self, events: u64, oldest: Millis) {
        self.published.inc_by(events);
        self.batches.inc();
        self.publish.since_uptime(oldest);
    }

    /// The figures for the status.
    pub fn figures(&self, rejected: u64) -> IngestorFigures {
        let silence = clock::uptime() - self.last_frame_at.load(Ordering::Relaxed);
        IngestorFigures {
            emitter_connected: self.connected.get() == 1,
            emitter_silent_seconds: silence.max(0) as f64 / 1000.0,
            received: self.received.get(),
            rejected,
            published: self.published.get(),
            waiting: self.waiting.get(),
            dropped: self.dropped.get(),
        }
    }
}
