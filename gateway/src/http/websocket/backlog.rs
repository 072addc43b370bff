//! The deltas that a client still needs after its snapshot. Pure.

use std::collections::VecDeque;

use crate::hub::outgoing::Outgoing;

/// The minimum limit of a backlog, in bytes.
const MIN_LIMIT: usize = 1024 * 1024;

/// Deltas that arrived while a snapshot was being sent. Their bytes are shared with all other clients.
///
/// The limit is the size of the snapshot: a line that is too slow for the deltas of that time gets a new snapshot, which
/// costs it less.
#[derive(Debug, Default)]
pub struct Backlog {
    frames: VecDeque<Outgoing>,
    bytes: usize,
    limit: usize,
    is_open: bool,
    is_incomplete: bool,
}

/// What the client gets next.
#[derive(Debug)]
pub enum Next {
    /// This delta.
    Frame(Outgoing),
    /// A new snapshot, because deltas are missing.
    Snapshot,
    /// Nothing: the client is up to date.
    Nothing,
}

impl Backlog {
    /// With the deltas that the client needs after a snapshot of `size` bytes.
    pub fn new(frames: Vec<Outgoing>, size: usize) -> Self {
        Self {
            bytes: frames.iter().map(|frame| frame.message.len()).sum(),
            frames: frames.into(),
            limit: size.max(MIN_LIMIT),
            is_open: true,
            is_incomplete: false,
        }
    }

    /// Whether deltas are collected: from a snapshot on until the client is up to date.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Adds the next delta.
    pub fn push(&mut self, frame: Outgoing) {
        if self.is_incomplete {
            return;
        }
        self.bytes += frame.message.len();
        self.frames.push_back(frame);
        if self.bytes > self.limit {
            self.lose();
        }
    }

    /// Drops everything, because a delta is missing.
    pub fn lose(&mut self) {
        *self = Self {
            limit: self.limit,
            is_open: true,
            is_incomplete: true,
            ..Self::default()
        };
    }

    /// What the client gets next.
    pub fn pop(&mut self) -> Next {
        if self.is_incomplete {
            return Next::Snapshot;
        }
        let Some(frame) = self.frames.pop_front() else {
            self.is_open = false;
            return Next::Nothing;
        };
        self.bytes -= frame.message.len();
        Next::Frame(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::outgoing::Encoded;

    fn frame(revision: u64, bytes: usize) -> Outgoing {
        Outgoing {
            revision,
            message: Encoded::new(vec![0; bytes].into()),
        }
    }

    fn popped(backlog: &mut Backlog) -> Option<u64> {
        match backlog.pop() {
            Next::Frame(frame) => Some(frame.revision),
            Next::Snapshot | Next::Nothing => None,
        }
    }

    #[test]
    fn gives_deltas_in_order() {
        let mut backlog = Backlog::new(vec![frame(1, 1)], 0);
        backlog.push(frame(2, MIN_LIMIT - 1));
        assert_eq!(popped(&mut backlog), Some(1));
        backlog.push(frame(3, 1));
        assert_eq!((popped(&mut backlog), popped(&mut backlog)), (Some(2), Some(3)));
        assert!(backlog.is_open());
        assert!(matches!(backlog.pop(), Next::Nothing));
        assert!(!backlog.is_open());
    }

    #[test]
    fn is_limited_by_the_size_of_the_snapshot() {
        for (size, limit) in [(0, MIN_LIMIT), (2 * MIN_LIMIT, 2 * MIN_LIMIT)] {
            let mut backlog = Backlog::new(Vec::new(), size);
            backlog.push(frame(1, limit));
            backlog.push(frame(2, 1));
            backlog.push(frame(3, 1));
            assert!(
                matches!(backlog.pop(), Next::Snapshot),
                "no delta after a missing one"
            );
            assert!(backlog.frames.is_empty());
        }
    }
}
