//! Decides which snapshot a client gets: all that ask within a quarter of a second share one, with the frames since.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::hub::outgoing::Outgoing;
use crate::hub::snapshot::{Holders, Snapshot};

/// How long clients share a snapshot.
pub const SHARED_FOR: Duration = Duration::from_millis(250);

/// Maximum number of snapshots that are held because they are being sent. At this limit no new one is built: clients get
/// the last one and the frames since.
const MAX_HELD: usize = 8;

/// The limit of the bytes of frames since a snapshot, if the snapshot is smaller than this. The limit for a larger one is its own size, so
/// that sending both costs at most twice as much as a new one.
const MIN_FRAME_BYTES: usize = 1024 * 1024;

/// Maximum number of frames since a snapshot.
const MAX_FRAMES: usize = 4 * 1024;

/// The last snapshot, and those that are still being sent.
#[derive(Default)]
pub struct Snapshots {
    latest: Option<Latest>,
    held: Vec<Holders>,
}

struct Latest {
    snapshot: Snapshot,
    built_at: Instant,
    /// The frames since it was built.
    frames: VecDeque<Outgoing>,
    frame_bytes: usize,
}

/// A snapshot and the frames since it was built.
#[derive(Clone)]
pub struct Joined {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The frames since.
    pub frames: Vec<Outgoing>,
}

/// So many snapshots are being sent that another one would take too much memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many snapshots are being sent")]
pub struct Busy;

impl Snapshots {
    /// The snapshot that a client shares with others; `None` if a new one must be built.
    ///
    /// # Errors
    /// Fails while too many are held and there is none to share.
    pub fn current(&mut self, now: Instant) -> Result<Option<Joined>, Busy> {
        self.held.retain(Holders::any);
        let is_full = self.held.len() >= MAX_HELD;
        match &self.latest {
            None if is_full => Err(Busy),
            None => Ok(None),
            Some(latest) => {
                let is_young = now < latest.built_at + SHARED_FOR;
                let is_being_built = latest.snapshot.size().is_none();
                Ok((is_young || is_being_built || is_full).then(|| latest.joined()))
            }
        }
    }

    /// Adds a new one of the current view.
    pub fn add(&mut self, snapshot: Snapshot, now: Instant) -> Joined {
        self.held.push(snapshot.holders());
        let latest = Latest {
            snapshot,
            built_at: now,
            frames: VecDeque::new(),
            frame_bytes: 0,
        };
        let joined = latest.joined();
        self.latest = Some(latest);
        joined
    }

    /// Whether the last snapshot needs frames, even if no client listens.
    pub fn need_frames(&self) -> bool {
        self.latest.is_some()
    }

    /// Adds a frame to the last snapshot.
    pub fn frame(&mut self, frame: &Outgoing) {
        if let Some(latest) = &mut self.latest {
            latest.frame_bytes += frame.message.len();
            latest.frames.push_back(frame.clone());
            let limit = latest.snapshot.size().unwrap_or(usize::MAX).max(MIN_FRAME_BYTES);
            if latest.frame_bytes > limit || latest.frames.len() > MAX_FRAMES {
                self.latest = None;
            }
        }
    }

    /// Releases the last snapshot once no client can get it.
    pub fn tidy(&mut self, now: Instant) {
        self.held.retain(Holders::any);
        let is_over = |latest: &mut Latest| now >= latest.built_at + SHARED_FOR;
        // At the limit it is still shared, because no new one is built.
        if self.held.len() < MAX_HELD {
            self.latest.take_if(is_over);
        }
    }
}

impl Latest {
    fn joined(&self) -> Joined {
        Joined {
            snapshot: self.snapshot.clone(),
            frames: self.frames.iter().cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
