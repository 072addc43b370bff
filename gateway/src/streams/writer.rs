//! Writes the records and tombstones that the sessions' stream must hold according to the view.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use protocol::Timestamp;
use service::Nats;
use service::log_throttle::LogThrottle;

use crate::metrics::GatewayMetrics;
use crate::streams::check::Repair;
use crate::streams::store::{self, Written};
use crate::view::View;

/// Maximum number of writes to the sessions' stream that may be unacknowledged at once.
const MAX_WRITES: usize = 256;

/// The writes in flight.
pub struct Writer {
    /// Reports while they restore a stream.
    pub repair: Repair,
    nats: Nats,
    metrics: Arc<GatewayMetrics>,
    writes: FuturesUnordered<BoxFuture<'static, Written>>,
}

impl Writer {
    /// Creates a writer without writes in flight.
    pub fn new(nats: Nats, metrics: Arc<GatewayMetrics>, repair: Repair) -> Self {
        Self {
            repair,
            nats,
            metrics,
            writes: FuturesUnordered::new(),
        }
    }

    /// Starts as many writes as may be in flight. See [`View::write_backs`].
    pub fn write_back(&mut self, view: &mut View, judged_at: Timestamp, interrupted: bool) {
        if !self.nats.is_connected() {
            return;
        }
        let room = MAX_WRITES - self.writes.len().min(MAX_WRITES);
        for write in view.write_backs(room, judged_at, interrupted) {
            self.writes.push(Box::pin(store::write(self.nats.clone(), write)));
        }
        if self.writes.is_empty() && !view.is_dirty() {
            self.repair.end();
        }
    }

    /// Waits for the result of a write; `None` if none is in flight.
    pub async fn written(&mut self) -> Option<Written> {
        self.writes.next().await
    }

    /// Handles the result of a write.
    pub fn on_written(&self, written: Written, view: &mut View) {
        match written {
            Written::Done => {
                self.metrics.written_back.inc();
            }
            Written::Failed(guid, error) => {
                static NOT_WRITTEN: LogThrottle = LogThrottle::new();
                if let Some(suppressed) = NOT_WRITTEN.allow() {
                    tracing::warn!(%error, suppressed, "cannot write a session to the stream, retrying");
                }
                view.mark_dirty(&guid);
                self.repair.check.request();
            }
        }
    }
}
