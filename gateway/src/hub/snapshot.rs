//! A snapshot of the view: built and compressed once, off the hub's thread, for all clients that get it.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use protocol::frame::{Frame, Snapshot as Content};
use service::metrics::{Counter, Gauge, Metrics};
use tokio::task::spawn_blocking;

use crate::hub::outgoing::text;

/// Bytes that another thread makes.
type Made = Shared<BoxFuture<'static, Bytes>>;

/// A snapshot that is built or being built. Clones share its bytes.
#[derive(Clone)]
pub struct Snapshot(Arc<Inner>);

struct Inner {
    revision: u64,
    /// Set by the thread that builds it, even after all clients have left.
    size: Arc<OnceLock<usize>>,
    text: Made,
    gzip: OnceLock<Made>,
    metrics: SnapshotMetrics,
}

/// Metrics of snapshots.
#[derive(Clone, Debug, Default)]
pub struct SnapshotMetrics {
    /// Snapshots built.
    pub built: Counter,
    /// Snapshots compressed.
    pub compressed: Counter,
    /// Snapshots that are still being sent to a client.
    pub held: Gauge,
}

impl SnapshotMetrics {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        Self {
            built: counter(
                "snapshots_built",
                "Snapshots built, each for all clients that asked at the time",
            ),
            compressed: counter("snapshots_compressed", "Snapshots compressed"),
            held: metrics.add(
                "snapshots_held",
                "Snapshots that are still being sent to a client",
                Gauge::default(),
            ),
        }
    }
}

impl Snapshot {
    /// Starts to build it on another thread.
    pub fn build(content: Content<'static>, metrics: SnapshotMetrics) -> Self {
        metrics.built.inc();
        metrics.held.inc();
        let revision = content.revision;
        let size = Arc::new(OnceLock::new());
        let size_when_built = Arc::clone(&size);
        let text = spawn_blocking(move || {
            let text = text(&Frame::Snapshot(content));
            size_when_built.get_or_init(|| text.len());
            text
        });
        Self(Arc::new(Inner {
            revision,
            size,
            text: made(text),
            gzip: OnceLock::new(),
            metrics,
        }))
    }

    /// The last frame that it includes.
    pub fn revision(&self) -> u64 {
        self.0.revision
    }

    /// Its size, once it is built.
    pub fn size(&self) -> Option<usize> {
        self.0.size.get().copied()
    }

    /// Its JSON.
    pub async fn text(&self) -> Bytes {
        self.0.text.clone().await
    }

    /// Its JSON with gzip. The first call starts the compression.
    pub async fn gzip(&self) -> Bytes {
        let text = self.text().await;
        let gzip = self.0.gzip.get_or_init(|| {
            self.0.metrics.compressed.inc();
            made(spawn_blocking(move || compressed(&text)))
        });
        gzip.clone().await
    }

    /// Tells later whether a client still has it.
    pub fn holders(&self) -> Holders {
        Holders(Arc::downgrade(&self.0))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.metrics.held.dec();
    }
}

/// The clients that have a snapshot. Does not keep the snapshot.
pub struct Holders(std::sync::Weak<Inner>);

impl Holders {
    /// Whether a client still has it.
    pub fn any(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// With the fastest level: a new snapshot is built up to four times a second.
fn compressed(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
    // Writing to a vector cannot fail.
    let written = encoder.write_all(text).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}

/// The task fails only when the process exits.
fn made(task: tokio::task::JoinHandle<Bytes>) -> Made {
    task.map(Result::unwrap_or_default).boxed().shared()
}
