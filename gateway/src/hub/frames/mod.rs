//! Builds the frames that all clients get: their revision, when each is due, and the snapshots that they follow.

use std::sync::Arc;
use std::time::Duration;

use protocol::Timestamp;
use protocol::frame::{Delta, Frame, Snapshot as Content};
use service::trace::Span;
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::hub::frame_cost::FrameCost;
use crate::hub::outgoing::{Encoded, Outgoing};
use crate::hub::pacing::{FAR_BEHIND, Pacing};
use crate::hub::snapshot::Snapshot;
use crate::hub::snapshots::{Busy, Joined, Snapshots};
use crate::metrics::GatewayMetrics;

/// The longest time between two frames, even if nothing changes.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How many frames a client may be behind before it gets a snapshot instead. The second half of them is sent at the
/// longest interval, so that it lasts for six seconds.
const FRAMES_KEPT: usize = 2 * FAR_BEHIND;

/// A snapshot with the frames since, and all frames that follow.
pub type Following = (Joined, broadcast::Receiver<Outgoing>);

/// Builds each frame once for all clients.
pub struct FrameBuilder {
    pacing: Pacing,
    cost: FrameCost,
    metrics: Arc<GatewayMetrics>,
    clients: broadcast::Sender<Outgoing>,
    snapshots: Snapshots,
    revision: u64,
    last_frame: Instant,
    /// When a frame last held the state of the pipeline.
    last_pipeline: Instant,
    /// When the oldest event of the next frame was received.
    oldest_event: Option<Timestamp>,
    /// The spans that end with the next frame.
    traced: Vec<Span>,
}

impl FrameBuilder {
    /// Sends changes as `pacing` says.
    pub fn new(pacing: Pacing, metrics: Arc<GatewayMetrics>, now: Instant) -> Self {
        Self {
            pacing,
            cost: FrameCost::default(),
            metrics,
            clients: broadcast::channel(FRAMES_KEPT).0,
            snapshots: Snapshots::default(),
            revision: 0,
            last_frame: now,
            last_pipeline: now,
            oldest_event: None,
            traced: Vec::new(),
        }
    }

    /// The channel from which clients get frames.
    pub fn sender(&self) -> broadcast::Sender<Outgoing> {
        self.clients.clone()
    }

    /// The counter to which clients add the time that sending takes.
    pub fn cost(&self) -> FrameCost {
        self.cost.clone()
    }

    /// When the next frame is due.
    pub fn due_at(&self, has_news: bool) -> Instant {
        let interval = if has_news {
            self.pacing.interval()
        } else {
            HEARTBEAT
        };
        self.last_frame + interval
    }

    /// Records that messages took `busy` of the last `elapsed`.
    pub fn on_load(&mut self, busy: Duration, elapsed: Duration) {
        self.pacing.on_load(busy, elapsed);
    }

    /// The next frame shows an event that was received then.
    pub fn note(&mut self, received_at: Timestamp) {
        let oldest = self
            .oldest_event
            .map_or(received_at, |oldest| oldest.min(received_at));
        self.oldest_event = Some(oldest);
    }

    /// Ends the span with the next frame.
    pub fn trace(&mut self, span: Span) {
        self.traced.push(span);
    }

    /// The whole view as it is now or was a moment ago, and all frames that follow. `content` builds it for a revision.
    ///
    /// The content may be ahead of its revision: the next delta then repeats some changes, and removes all sessions that
    /// have left since the last frame.
    ///
    /// # Errors
    /// Fails while too many snapshots are being sent.
    pub fn join(
        &mut self,
        now: Instant,
        content: impl FnOnce(u64) -> Content<'static>,
    ) -> Result<Following, Busy> {
        let joined = if let Some(joined) = self.snapshots.current(now)? {
            joined
        } else {
            let snapshot = Snapshot::build(content(self.revision), self.metrics.snapshots.clone());
            self.snapshots.add(snapshot, now)
        };
        Ok((joined, self.clients.subscribe()))
    }

    /// Sends the next frame. `delta` builds it for a revision, with or without the state of the pipeline; it is not called
    /// if no client needs the frame.
    pub fn send(
        &mut self,
        now: Instant,
        pipeline_changed: bool,
        delta: impl FnOnce(u64, bool) -> Delta<'static>,
    ) {
        let started = Instant::now();
        self.last_frame = now;
        self.revision += 1;
        self.metrics.frames.inc();
        if self.clients.receiver_count() > 0 || self.snapshots.need_frames() {
            let with_pipeline = pipeline_changed || now - self.last_pipeline >= HEARTBEAT;
            if with_pipeline {
                self.last_pipeline = now;
            }
            self.broadcast(&Frame::Delta(delta(self.revision, with_pipeline)));
        }
        if let Some(oldest) = self.oldest_event.take() {
            self.metrics.frame.since(oldest);
        }
        self.traced.clear();
        self.cost.since(started);
        self.pacing.on_frame(self.cost.take(), self.clients.len());
    }

    /// Releases snapshots that no new client gets.
    pub fn tidy(&mut self, now: Instant) {
        self.snapshots.tidy(now);
    }

    fn broadcast(&mut self, frame: &Frame<'_>) {
        let message = Encoded::of(frame);
        self.metrics.frame_bytes.inc_by(message.len() as u64);
        let frame = Outgoing {
            revision: self.revision,
            message,
        };
        self.snapshots.frame(&frame);
        // Fails if the last client has just left.
        let _ = self.clients.send(frame);
    }
}

#[cfg(test)]
mod tests;
