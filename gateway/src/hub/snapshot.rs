//! A snapshot of the view in parts. Each part is serialized and compressed once, off the hub's thread, for everyone who
//! gets it; so is the whole, for API clients.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use protocol::Guid;
use protocol::frame::{Frame, MAX_SESSIONS_PER_MESSAGE, Snapshot as Content, SnapshotPart};
use serde::Serialize;
use service::metrics::{Counter, Gauge, Metrics};
use tokio::task::spawn_blocking;

use crate::hub::outgoing::{Encoded, compressed};

/// How many sessions a part has; few in tests, so that their snapshots have several parts.
const PART: usize = if cfg!(test) { 7 } else { MAX_SESSIONS_PER_MESSAGE };

/// What another thread makes.
type Made<T> = Shared<BoxFuture<'static, T>>;

/// A snapshot that is built or being built. Clones share its bytes.
#[derive(Clone)]
pub struct Snapshot(Arc<Inner>);

struct Inner {
    content: Arc<Content<'static>>,
    /// An estimate, set once the first part is built, even if nobody waits for it any longer.
    size: Arc<OnceLock<usize>>,
    first: Made<Encoded>,
    /// The parts after the first one. Each is built when the first client needs it.
    rest: Vec<OnceLock<Made<Encoded>>>,
    whole: OnceLock<Made<Bytes>>,
    gzip: OnceLock<Made<Bytes>>,
    metrics: SnapshotMetrics,
}

/// Metrics of snapshots.
#[derive(Clone, Debug, Default)]
pub struct SnapshotMetrics {
    /// Snapshots built.
    pub built: Counter,
    /// Snapshots compressed as a whole.
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
    /// Starts to build its first part on another thread.
    pub fn build(content: Content<'static>, metrics: SnapshotMetrics) -> Self {
        metrics.built.inc();
        metrics.held.inc();
        let parts = content.sessions.len().div_ceil(PART).max(1);
        let content = Arc::new(content);
        let size = Arc::new(OnceLock::new());
        let size_when_built = Arc::clone(&size);
        let for_first = Arc::clone(&content);
        let first = spawn_blocking(move || {
            let first = part(&for_first, 0);
            size_when_built.get_or_init(|| first.len() * parts);
            first
        });
        Self(Arc::new(Inner {
            content,
            size,
            first: made(first),
            rest: (1..parts).map(|_| OnceLock::new()).collect(),
            whole: OnceLock::new(),
            gzip: OnceLock::new(),
            metrics,
        }))
    }

    /// The last frame that it includes.
    pub fn revision(&self) -> u64 {
        self.0.content.revision
    }

    /// About how many bytes its JSON has, once its first part is built.
    pub fn size(&self) -> Option<usize> {
        self.0.size.get().copied()
    }

    /// The number of its parts; at least one.
    pub fn parts(&self) -> usize {
        1 + self.0.rest.len()
    }

    /// One of its parts. The first call for each part starts to build it.
    pub async fn part(&self, number: usize) -> Encoded {
        let Some(cell) = number.checked_sub(1).and_then(|index| self.0.rest.get(index)) else {
            return self.0.first.clone().await;
        };
        let content = || Arc::clone(&self.0.content);
        let build = || {
            let content = content();
            made(spawn_blocking(move || part(&content, number)))
        };
        cell.get_or_init(build).clone().await
    }

    /// All of it as one JSON. The first call starts to build it.
    pub async fn whole(&self) -> Bytes {
        let build = || {
            let content = Arc::clone(&self.0.content);
            made(spawn_blocking(move || json(&Frame::Snapshot(borrowed(&content)))))
        };
        self.0.whole.get_or_init(build).clone().await
    }

    /// All of it as one JSON with gzip. The first call starts the compression.
    pub async fn gzip(&self) -> Bytes {
        let text = self.whole().await;
        let gzip = self.0.gzip.get_or_init(|| {
            self.0.metrics.compressed.inc();
            made(spawn_blocking(move || compressed(&text)))
        });
        gzip.clone().await
    }

    /// The JSON of at most `limit` of its sessions, in the order of their guids, after the one with this guid.
    pub async fn page(&self, after: Option<Guid>, limit: usize) -> Vec<u8> {
        let content = Arc::clone(&self.0.content);
        let task = spawn_blocking(move || page(&content, after.as_ref(), limit));
        task.await.unwrap_or_default()
    }

    /// A handle that says later whether anybody still has it.
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
    /// Whether a client still has the snapshot.
    pub fn any(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// Some sessions for an API client.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    #[serde(flatten)]
    frame: Frame<'a>,
    /// The last of them, if sessions with higher guids remain.
    next_cursor: Option<Guid>,
}

fn page(content: &Content<'_>, after: Option<&Guid>, limit: usize) -> Vec<u8> {
    let sessions = content.sessions.iter();
    let mut rest: Vec<_> = sessions
        .filter(|session| after.is_none_or(|after| session.guid > *after))
        .collect();
    let remaining = rest.len().saturating_sub(limit);
    if remaining > 0 {
        rest.select_nth_unstable_by(limit, |one, other| one.guid.cmp(&other.guid));
        rest.truncate(limit);
    }
    rest.sort_unstable_by(|one, other| one.guid.cmp(&other.guid));
    let last = rest.last().map(|session| session.guid.clone());
    let frame = Frame::Snapshot(Content {
        sessions: rest.into_iter().cloned().collect(),
        remaining: remaining as u64,
        ..borrowed(content)
    });
    let page = Page {
        frame,
        next_cursor: last.filter(|_| remaining > 0),
    };
    // Serializing strings and numbers cannot fail.
    serde_json::to_vec(&page).unwrap_or_default()
}

/// The part with this number as clients get it.
fn part(content: &Content<'_>, number: usize) -> Encoded {
    let begin = number * PART;
    let end = content.sessions.len().min(begin + PART);
    let sessions = Cow::Borrowed(content.sessions.get(begin..end).unwrap_or_default());
    let remaining = (content.sessions.len() - end) as u64;
    Encoded::of(&if number == 0 {
        Frame::Snapshot(Content {
            sessions,
            remaining,
            ..borrowed(content)
        })
    } else {
        Frame::SnapshotPart(SnapshotPart {
            revision: content.revision,
            sessions,
            remaining,
        })
    })
}

fn borrowed<'a>(content: &'a Content<'_>) -> Content<'a> {
    Content {
        sessions: Cow::Borrowed(&content.sessions),
        pipeline: Cow::Borrowed(&content.pipeline),
        ..*content
    }
}

fn json(frame: &Frame<'_>) -> Bytes {
    Encoded::of(frame).text().clone()
}

/// The task fails only when the process exits.
fn made<T: Clone + Default + Send + Sync + 'static>(task: tokio::task::JoinHandle<T>) -> Made<T> {
    task.map(Result::unwrap_or_default).boxed().shared()
}
