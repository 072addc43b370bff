//! The ingestor's figures, for metrics and status alike.

use std::sync::atomic::{AtomicI64, Ordering};

use protocol::status::IngestorFigures;
use protocol::{EventKind, Millis};
use service::clock;
use service::metrics::{Counter, Family, Gauge, Label, Latency, Metrics};

/// What the ingestor counts.
pub struct Gauges {
    /// Frames read from the emitter.
    pub received: Counter,
    /// Events among them that can be used, by kind.
    events: [Counter; EventKind::ALL.len()],
    /// Connections made to the emitter.
    pub connections: Counter,
    /// 1 while the emitter's socket is open.
    pub connected: Gauge,
    /// Events that the raw stream has acknowledged; an event that was sent again counts again.
    published: Counter,
    /// Messages that carried them.
    batches: Counter,
    /// Events not yet acknowledged.
    pub waiting: Gauge,
    /// Events given up because too many were waiting.
    pub dropped: Counter,
    /// From the receipt of a message's oldest event to the message's acknowledgement.
    publish: Latency,
    last_frame_at: AtomicI64,
}

impl Gauges {
    /// Registers them all.
    pub fn new(metrics: &Metrics) -> Self {
        let events: Family<Label, Counter> = metrics.add(
            "events_received",
            "Events read from the emitter that can be used",
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
                "1 while the emitter's socket is open",
                Gauge::default(),
            ),
            published: metrics.add(
                "events_published",
                "Events that the raw stream has acknowledged",
                Counter::default(),
            ),
            batches: metrics.add(
                "batches_published",
                "Messages that carried them",
                Counter::default(),
            ),
            waiting: metrics.add("events_waiting", "Events not yet acknowledged", Gauge::default()),
            dropped: metrics.add(
                "events_dropped",
                "Events given up because too many were waiting",
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

    /// Counts an event that can be used.
    pub fn event(&self, kind: EventKind) {
        self.events[kind as usize].inc();
    }

    /// Counts a message that the raw stream has acknowledged, by the number and the oldest of its events.
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
