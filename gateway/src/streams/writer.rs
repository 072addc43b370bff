//! Has written back to the sessions' stream what the view says should stand there.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use protocol::Millis;
use service::Nats;
use service::seldom::Seldom;

use crate::gauges::Gauges;
use crate::streams::check::Repair;
use crate::streams::store::{self, Written};
use crate::view::View;

/// The most writes to the sessions' stream that may be unacknowledged at once.
const MAX_WRITES: usize = 256;

/// The writes under way.
pub struct Writer {
    /// Says while they put back what a stream has lost.
    pub repair: Repair,
    nats: Nats,
    gauges: Arc<Gauges>,
    writes: FuturesUnordered<BoxFuture<'static, Written>>,
}

impl Writer {
    /// None yet.
    pub fn new(nats: Nats, gauges: Arc<Gauges>, repair: Repair) -> Self {
        Self {
            repair,
            nats,
            gauges,
            writes: FuturesUnordered::new(),
        }
    }

    /// Begins as many writes as there is room for. See [`View::write_backs`].
    pub fn write_back(&mut self, view: &mut View, judged_at: Millis, interrupted: bool) {
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

    /// Waits for the end of a write; `None` at once where none is under way.
    pub async fn written(&mut self) -> Option<Written> {
        self.writes.next().await
    }

    /// Takes notice of a write's end.
    pub fn done(&self, written: Written, view: &mut View) {
        match written {
            Written::Done => {
                self.gauges.written_back.inc();
            }
            Written::Not(guid, error) => {
                static NOT_WRITTEN: Seldom = Seldom::new();
                if let Some(unsaid) = NOT_WRITTEN.due() {
                    tracing::warn!(%error, unsaid, "a session was not written back, trying again");
                }
                view.mark_dirty(&guid);
                self.repair.check.doubt();
            }
        }
    }
}
