//! Batches events as a group commit does, and keeps them until they are certainly in the stream. Pure.
//!
//! While no message of its kind is unacknowledged, an event is sent at once, alone. Events that arrive meanwhile are
//! gathered into one message per kind, which is sent with the next acknowledgement or when it is full. Acknowledged
//! messages are remembered for the replay window, because a NATS server that restarts forgets what it has acknowledged.

mod batch;

use std::collections::VecDeque;

use protocol::{EventKind, Millis};

pub use self::batch::Batch;
use self::batch::{Batcher, message_size};

/// Maximum number of messages that may be unacknowledged at once.
const MAX_IN_FLIGHT: usize = 64;

/// The limits of the outbox.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In bytes. Beyond it the oldest batches are dropped, acknowledged or not.
    pub bytes: usize,
    /// How long an acknowledged event is kept, in ms.
    pub replay_window: Millis,
}

/// Names a batch until it is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Sent,
    Acknowledged,
}

#[derive(Debug)]
struct Remembered {
    batch: Batch,
    state: State,
    newest: Millis,
}

/// Events on their way to the raw stream.
#[derive(Debug)]
pub struct Outbox {
    limits: Limits,
    batcher: Batcher,
    /// The largest message, headers included, in bytes.
    max_message: usize,
    /// Oldest first.
    batches: VecDeque<Remembered>,
    /// The id of the first batch.
    first: u64,
    /// No batch before this one is waiting.
    cursor: u64,
    in_flight: [usize; EventKind::ALL.len()],
    bytes: usize,
    /// Events in `batches` that are not acknowledged.
    unacknowledged: u64,
    dropped: u64,
    /// The batches before this one are resent, because the stream had lost them.
    resent_before: u64,
    /// How many of these are not acknowledged yet.
    resending: usize,
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            batcher: Batcher::default(),
            max_message: usize::MAX,
            batches: VecDeque::new(),
            first: 0,
            cursor: 0,
            in_flight: [0; EventKind::ALL.len()],
            bytes: 0,
            unacknowledged: 0,
            dropped: 0,
            resent_before: 0,
            resending: 0,
        }
    }

    /// Whether a message can hold an event of this size.
    #[must_use]
    pub fn accepts(&self, json: &[u8]) -> bool {
        message_size(1, json.len()) <= self.max_message
    }

    /// Limits messages to this size, headers included, in bytes. Splits larger ones that wait, and returns the events that
    /// no message can hold. Nothing may be in flight.
    pub fn limit_messages(&mut self, max_message: usize) -> Vec<Batch> {
        self.max_message = max_message;
        for batch in self.batcher.limit_messages(max_message) {
            self.add(batch);
        }
        if self
            .batches
            .iter()
            .all(|remembered| remembered.batch.message_size() <= max_message)
        {
            return Vec::new();
        }
        let (mut kept, mut oversized) = (VecDeque::new(), Vec::new());
        let resent = usize::try_from(self.resent_before.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let mut resent_then = 0;
        for (index, remembered) in std::mem::take(&mut self.batches).into_iter().enumerate() {
            let is_waiting = remembered.state == State::Waiting;
            let parts = if is_waiting && remembered.batch.message_size() > max_message {
                remembered.batch.split()
            } else {
                vec![remembered.batch]
            };
            for batch in parts {
                if is_waiting && batch.message_size() > max_message {
                    oversized.push(batch);
                    continue;
                }
                resent_then += u64::from(index < resent);
                kept.push_back(Remembered {
                    newest: batch.newest(),
                    batch,
                    state: remembered.state,
                });
            }
        }
        self.batches = kept;
        self.recount(resent_then);
        oversized
    }

    /// Derives the counts after batches were split.
    fn recount(&mut self, resent: u64) {
        self.bytes = self
            .batches
            .iter()
            .map(|remembered| remembered.batch.size())
            .sum();
        let waiting = self
            .batches
            .iter()
            .filter(|remembered| remembered.state != State::Acknowledged);
        self.unacknowledged = waiting.map(|remembered| remembered.batch.events()).sum();
        if self.resending > 0 {
            self.resent_before = self.first + resent;
            let before = self
                .batches
                .iter()
                .take(usize::try_from(resent).unwrap_or(usize::MAX));
            self.resending = before
                .filter(|remembered| remembered.state != State::Acknowledged)
                .count();
        }
        self.cursor = self.first;
        self.advance();
    }

    /// Adds an event.
    pub fn push(&mut self, kind: EventKind, json: &[u8], received_at: Millis) {
        for batch in self.batcher.push(kind, json, received_at) {
            self.add(batch);
        }
    }

    /// The next batch to send now, if one may be sent. It counts as sent.
    pub fn next_batch(&mut self) -> Option<(BatchId, Batch)> {
        if self.in_flight.iter().sum::<usize>() >= MAX_IN_FLIGHT {
            return None;
        }
        if self.cursor == self.end() {
            let mut idle = EventKind::ALL
                .into_iter()
                .filter(|kind| self.in_flight[*kind as usize] == 0);
            let batch = idle.find_map(|kind| self.batcher.take(kind))?;
            self.add(batch);
        }
        let id = BatchId(self.cursor);
        let remembered = self.get(id)?;
        remembered.state = State::Sent;
        let batch = remembered.batch.clone();
        self.in_flight[batch.kind as usize] += 1;
        self.advance();
        Some((id, batch))
    }

    /// The raw stream has the batch. Returns how many events were in it.
    pub fn acknowledge(&mut self, id: BatchId) -> u64 {
        let Some(sent) = self.get(id).filter(|batch| batch.state == State::Sent) else {
            return 0;
        };
        sent.state = State::Acknowledged;
        let (kind, events) = (sent.batch.kind, sent.batch.events());
        self.in_flight[kind as usize] -= 1;
        self.unacknowledged -= events;
        if id.0 < self.resent_before {
            self.resending -= 1;
        }
        events
    }

    /// The raw stream is full, so the batch waits again.
    pub fn refuse(&mut self, id: BatchId) {
        let Some(sent) = self.get(id).filter(|batch| batch.state == State::Sent) else {
            return;
        };
        sent.state = State::Waiting;
        let kind = sent.batch.kind;
        self.in_flight[kind as usize] -= 1;
        self.cursor = self.cursor.min(id.0);
    }

    /// The connection was lost: sends again what was sent and not acknowledged.
    pub fn resend_unacknowledged(&mut self) {
        self.resend(|state| state == State::Sent);
    }

    /// The stream was lost: sends again everything that is remembered.
    pub fn resend_everything(&mut self) {
        self.resend(|_| true);
        self.resent_before = self.end();
        self.resending = self.batches.len();
    }

    /// Whether batches that the stream has lost still wait for an acknowledgement.
    #[must_use]
    pub fn is_resending(&self) -> bool {
        self.resending > 0
    }

    /// Forgets batches whose replay window is over, and drops the oldest beyond the limit of bytes.
    pub fn forget(&mut self, now: Millis) {
        while let Some(oldest) = self.batches.front() {
            let done = oldest.state == State::Acknowledged && oldest.newest < now - self.limits.replay_window;
            if !done && self.bytes <= self.limits.bytes {
                break;
            }
            if oldest.state != State::Acknowledged {
                self.unacknowledged -= oldest.batch.events();
                self.dropped += oldest.batch.events();
                if self.first < self.resent_before {
                    self.resending -= 1;
                }
            }
            if oldest.state == State::Sent {
                self.in_flight[oldest.batch.kind as usize] -= 1;
            }
            self.bytes -= oldest.batch.size();
            self.batches.pop_front();
            self.first += 1;
        }
        self.cursor = self.cursor.max(self.first);
        self.advance();
    }

    /// Events that the raw stream has not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.batcher.events() + self.unacknowledged
    }

    /// Events dropped since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn add(&mut self, batch: Batch) {
        self.bytes += batch.size();
        self.unacknowledged += batch.events();
        self.batches.push_back(Remembered {
            newest: batch.newest(),
            batch,
            state: State::Waiting,
        });
    }

    fn resend(&mut self, which: impl Fn(State) -> bool) {
        for remembered in &mut self.batches {
            if which(remembered.state) {
                if remembered.state == State::Acknowledged {
                    self.unacknowledged += remembered.batch.events();
                }
                remembered.state = State::Waiting;
            }
        }
        self.in_flight = [0; EventKind::ALL.len()];
        self.cursor = self.first;
        self.advance();
    }

    /// Moves the cursor to the next batch that waits.
    fn advance(&mut self) {
        let passed = usize::try_from(self.cursor - self.first).unwrap_or(usize::MAX);
        let mut ahead = self.batches.iter().skip(passed);
        let waiting = ahead.position(|batch| batch.state == State::Waiting);
        self.cursor = waiting.map_or(self.end(), |ahead| self.cursor + ahead as u64);
    }

    fn get(&mut self, id: BatchId) -> Option<&mut Remembered> {
        let index = usize::try_from(id.0.checked_sub(self.first)?).ok()?;
        self.batches.get_mut(index)
    }

    fn end(&self) -> u64 {
        self.first + self.batches.len() as u64
    }
}

#[cfg(test)]
mod tests;
