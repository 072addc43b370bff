//! Batches events as a group commit does, and remembers them until they are surely handed over. Pure.
//!
//! While nothing of its kind is unacknowledged, an event goes out at once, alone. What arrives meanwhile is gathered, one
//! message for each kind, and goes out with the next acknowledgement or when the message is full. Sent messages are
//! remembered for the replay window, because a NATS server that restarts forgets what it has acknowledged.

use std::collections::VecDeque;

use bytes::Bytes;
use protocol::event::{MAX_BYTES, MAX_EVENTS};
use protocol::{EventKind, Millis};

/// The most messages that may be unacknowledged at once.
const WINDOW: usize = 64;

/// What a message costs in memory beside its payload and header.
const OVERHEAD: usize = 128;

/// What a time of receipt takes in the queue, with its comma.
const STAMP: usize = 14;

/// The bounds of what is remembered.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In bytes; beyond it the oldest goes first, acknowledged or not.
    pub bytes: usize,
    /// How long an acknowledged event is kept, in ms.
    pub replay_window: Millis,
}

/// A message for the raw stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The kind of all its events.
    pub kind: EventKind,
    /// One event per line.
    pub payload: Bytes,
    /// Their times of receipt, by the process's monotonic clock.
    pub received_at: Box<[Millis]>,
    /// The first of these.
    pub oldest: Millis,
    /// How many there are.
    pub events: u64,
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
struct Entry {
    batch: Batch,
    state: State,
    newest: Millis,
}

impl Entry {
    fn size(&self) -> usize {
        self.batch.size()
    }
}

impl Batch {
    /// About how many bytes it takes, here and in the queue.
    pub fn size(&self) -> usize {
        self.payload.len() + self.received_at.len() * STAMP + OVERHEAD
    }
}

/// Events of one kind that are being gathered.
#[derive(Debug, Default)]
struct Gathering {
    payload: Vec<u8>,
    received_at: Vec<Millis>,
    events: usize,
    oldest: Millis,
    newest: Millis,
}

/// Events on their way to the raw stream, oldest first.
#[derive(Debug)]
pub struct Outbox {
    limits: Limits,
    gathering: [Gathering; EventKind::ALL.len()],
    entries: VecDeque<Entry>,
    /// The id of the first entry.
    first: u64,
    /// No entry before this one waits.
    cursor: u64,
    sent: [usize; EventKind::ALL.len()],
    bytes: usize,
    unacknowledged: u64,
    dropped: u64,
    /// The batches before this one are sent again because the stream had lost them.
    resent_before: u64,
    /// How many of these are not acknowledged yet.
    resending: usize,
}

impl Outbox {
    /// Nothing on its way.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            gathering: Default::default(),
            entries: VecDeque::new(),
            first: 0,
            cursor: 0,
            sent: [0; EventKind::ALL.len()],
            bytes: 0,
            unacknowledged: 0,
            dropped: 0,
            resent_before: 0,
            resending: 0,
        }
    }

    /// Takes an event.
    pub fn push(&mut self, kind: EventKind, json: &[u8], received_at: Millis) {
        // A line break would split the event for those who read the batch, so it travels alone.
        let alone = json.contains(&b'\n');
        let gathering = &self.gathering[kind as usize];
        if gathering.events > 0 && (alone || gathering.payload.len() + 1 + json.len() > MAX_BYTES) {
            self.close(kind);
        }
        let gathering = &mut self.gathering[kind as usize];
        gathering.add(json, received_at);
        if alone || gathering.events == MAX_EVENTS {
            self.close(kind);
        }
        self.unacknowledged += 1;
    }

    /// The next batch to send now, if the window allows one.
    pub fn next_batch(&mut self) -> Option<(BatchId, Batch)> {
        if self.sent.iter().sum::<usize>() >= WINDOW {
            return None;
        }
        if self.cursor == self.end() {
            let kind = EventKind::ALL
                .into_iter()
                .find(|kind| self.gathering[*kind as usize].events > 0 && self.sent[*kind as usize] == 0)?;
            self.close(kind);
        }
        let id = BatchId(self.cursor);
        let entry = self.entry(id)?;
        entry.state = State::Sent;
        let batch = entry.batch.clone();
        self.sent[batch.kind as usize] += 1;
        self.advance();
        Some((id, batch))
    }

    /// The raw stream has the batch; gives how many events that makes.
    pub fn acknowledge(&mut self, id: BatchId) -> u64 {
        let Some(entry) = self.entry(id).filter(|entry| entry.state == State::Sent) else {
            return 0;
        };
        entry.state = State::Acknowledged;
        let (kind, events) = (entry.batch.kind, entry.batch.events);
        self.sent[kind as usize] -= 1;
        self.unacknowledged -= events;
        if id.0 < self.resent_before {
            self.resending -= 1;
        }
        events
    }

    /// The connection was lost: what was sent and not acknowledged waits again.
    pub fn resend_unacknowledged(&mut self) {
        self.resend(|state| state == State::Sent);
    }

    /// The stream was lost: all that is remembered waits again.
    pub fn resend_everything(&mut self) {
        self.resend(|_| true);
        self.resent_before = self.end();
        self.resending = self.entries.len();
    }

    /// Whether the stream has not acknowledged yet all that is sent again because it had lost it.
    #[must_use]
    pub fn is_resending(&self) -> bool {
        self.resending > 0
    }

    /// Forgets what need not be remembered any longer, and what there is no room for.
    pub fn forget(&mut self, now: Millis) {
        while let Some(entry) = self.entries.front() {
            let done = entry.state == State::Acknowledged && entry.newest < now - self.limits.replay_window;
            if !done && self.bytes <= self.limits.bytes {
                break;
            }
            if entry.state != State::Acknowledged {
                self.unacknowledged -= entry.batch.events;
                self.dropped += entry.batch.events;
                if self.first < self.resent_before {
                    self.resending -= 1;
                }
            }
            if entry.state == State::Sent {
                self.sent[entry.batch.kind as usize] -= 1;
            }
            self.bytes -= entry.size();
            self.entries.pop_front();
            self.first += 1;
        }
        self.cursor = self.cursor.max(self.first);
        self.advance();
    }

    /// Events that the raw stream has not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.unacknowledged
    }

    /// Events given up since this was last asked.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn resend(&mut self, which: impl Fn(State) -> bool) {
        for entry in &mut self.entries {
            if which(entry.state) {
                if entry.state == State::Acknowledged {
                    self.unacknowledged += entry.batch.events;
                }
                entry.state = State::Waiting;
            }
        }
        self.sent = [0; EventKind::ALL.len()];
        self.cursor = self.first;
        self.advance();
    }

    /// Puts what was gathered in line.
    fn close(&mut self, kind: EventKind) {
        let gathering = &mut self.gathering[kind as usize];
        let newest = gathering.newest;
        let entry = Entry {
            batch: gathering.take_batch(kind),
            state: State::Waiting,
            newest,
        };
        self.bytes += entry.size();
        self.entries.push_back(entry);
    }

    /// Moves the cursor to the next entry that waits.
    fn advance(&mut self) {
        let passed = usize::try_from(self.cursor - self.first).unwrap_or(usize::MAX);
        let waiting = self
            .entries
            .iter()
            .skip(passed)
            .position(|entry| entry.state == State::Waiting);
        self.cursor = waiting.map_or(self.end(), |ahead| self.cursor + ahead as u64);
    }

    fn entry(&mut self, id: BatchId) -> Option<&mut Entry> {
        let index = usize::try_from(id.0.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index)
    }

    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }
}

impl Gathering {
    fn add(&mut self, json: &[u8], received_at: Millis) {
        if self.events > 0 {
            self.payload.push(b'\n');
        } else {
            self.oldest = received_at;
        }
        self.payload.extend_from_slice(json);
        self.received_at.push(received_at);
        self.newest = self.newest.max(received_at);
        self.events += 1;
    }

    /// Copied out, so that what is remembered takes no more room than it fills, and what gathers need not grow again.
    fn take_batch(&mut self, kind: EventKind) -> Batch {
        let batch = Batch {
            kind,
            payload: Bytes::copy_from_slice(&self.payload),
            received_at: self.received_at.as_slice().into(),
            oldest: self.oldest,
            events: self.events as u64,
        };
        self.payload.clear();
        self.received_at.clear();
        (self.events, self.newest) = (0, 0);
        batch
    }
}

#[cfg(test)]
mod tests;
