//! Which snapshot who asks gets: one for all who ask within a quarter of a second, with the frames since. Pure, but for
//! the building.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::hub::Outgoing;
use crate::hub::snapshot::{Holders, Snapshot};

/// How long a snapshot is given to everyone who asks.
pub const SHARED_FOR: Duration = Duration::from_millis(250);

/// The most snapshots that are held at once for those who are still being sent them. With so many, a new one is not
/// built: who asks gets the last one, and the frames since.
const MAX_HELD: usize = 8;

/// The most bytes of frames since a snapshot, where it is smaller than that; otherwise its size is the limit, so that
/// sending both costs at most twice as much as a new one.
const MIN_FRAME_BYTES: usize = 1024 * 1024;

/// The most frames since a snapshot.
const MAX_FRAMES: usize = 4 * 1024;

/// The snapshots that are held.
#[derive(Default)]
pub struct Snapshots {
    latest: Option<Latest>,
    held: Vec<Holders>,
}

struct Latest {
    snapshot: Snapshot,
    built_at: Instant,
    /// All frames since.
    frames: VecDeque<Outgoing>,
    frame_bytes: usize,
}

/// A snapshot and what has happened since.
#[derive(Clone)]
pub struct Joined {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The frames since.
    pub frames: Vec<Outgoing>,
}

/// So many snapshots are being sent that there is no memory for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many snapshots are being sent")]
pub struct Busy;

impl Snapshots {
    /// The snapshot that those who ask now share with others; `None` where a new one must be built.
    ///
    /// # Errors
    /// While too many are held and the last one is too old.
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

    /// A new one is being built, of the view as it is now.
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

    /// Whether frames must be made although nobody listens, because a snapshot needs them.
    pub fn need_frames(&self) -> bool {
        self.latest.is_some()
    }

    /// A frame goes out.
    pub fn frame(&mut self, frame: &Outgoing) {
        if let Some(latest) = &mut self.latest {
            latest.frame_bytes += frame.text.len();
            latest.frames.push_back(frame.clone());
            let limit = latest.snapshot.size().unwrap_or(usize::MAX).max(MIN_FRAME_BYTES);
            if latest.frame_bytes > limit || latest.frames.len() > MAX_FRAMES {
                self.latest = None;
            }
        }
    }

    /// Lets go of the last snapshot once it is not given to anybody any longer.
    pub fn tidy(&mut self, now: Instant) {
        self.held.retain(Holders::any);
        let is_over = |latest: &mut Latest| now >= latest.built_at + SHARED_FOR;
        // With as many held as there may be it is still given to those who ask.
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
