//! The ingestor's figures, for metrics and status alike.

use std::sync::atomic::{AtomicI64, Ordering};

use protocol::status::IngestorFigures;
use service::clock;
use service::metrics::{Counter, Gauge, Metrics};

/// What the ingestor counts.
pub struct Gauges {
    /// Frames read from the emitter.
    pub received: Counter,
    /// Connections made to the emitter.
    pub connections: Counter,
    /// 1 while the emitter's socket is open.
    pub connected: Gauge,
    /// Events that the raw stream has acknowledged; an event that was sent again counts again.
    pub published: Counter,
    /// Messages that carried them.
    pub batches: Counter,
    /// Events not yet acknowledged.
    pub waiting: Gauge,
    /// Events given up because too many were waiting.
    pub dropped: Counter,
    last_frame_at: AtomicI64,
}

impl Gauges {
    /// Registers them all.
    pub fn new(metrics: &Metrics) -> Self {
        Self {
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
            last_frame_at: AtomicI64::new(clock::now()),
        }
    }

    /// Counts a frame.
    pub fn frame(&self, received_at: i64) {
        self.received.inc();
        self.last_frame_at.store(received_at, Ordering::Relaxed);
    }

    /// The figures for the status.
    pub fn figures(&self, rejected: u64) -> IngestorFigures {
        let silence = clock::now() - self.last_frame_at.load(Ordering::Relaxed);
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
