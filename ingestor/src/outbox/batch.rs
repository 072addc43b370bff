//! Gathers events of one kind into batches. Pure.

use bytes::Bytes;
use protocol::event::{MAX_BYTES, MAX_EVENTS};
use protocol::{EventKind, Millis};

/// The memory that a message takes in addition to its payload and header.
pub const OVERHEAD: usize = 128;

/// The size of a time of receipt in the header, with its comma.
const STAMP: usize = 14;

/// The maximum size of a message's other headers, in bytes: the header's version and name, and the trace.
const HEADERS: usize = 512;

/// The largest message that holds one event of this size, in bytes.
pub fn message_size(events: usize, payload: usize) -> usize {
    payload + events * STAMP + HEADERS
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
}

impl Batch {
    /// The number of events.
    pub fn events(&self) -> u64 {
        self.received_at.len() as u64
    }

    /// When the first of them was received.
    pub fn oldest(&self) -> Millis {
        self.received_at.first().copied().unwrap_or_default()
    }

    /// When the last of them was received.
    pub fn newest(&self) -> Millis {
        self.received_at.iter().copied().max().unwrap_or_default()
    }

    /// The maximum size of the message, headers included.
    pub fn message_size(&self) -> usize {
        message_size(self.received_at.len(), self.payload.len())
    }

    /// Each event as a batch of its own.
    pub fn split(&self) -> Vec<Self> {
        if self.received_at.len() < 2 {
            return vec![self.clone()];
        }
        let mut start = 0;
        let lines = self.payload.split(|byte| *byte == b'\n').zip(&self.received_at);
        let split = lines.map(|(line, received_at)| {
            let payload = self.payload.slice(start..start + line.len());
            start += line.len() + 1;
            Self {
                kind: self.kind,
                payload,
                received_at: [*received_at].into(),
            }
        });
        split.collect()
    }

    /// About how many bytes it takes, here and in the stream.
    pub fn size(&self) -> usize {
        self.payload.len() + self.received_at.len() * STAMP + OVERHEAD
    }
}

/// Events that are not in a batch yet, by kind.
#[derive(Debug)]
pub struct Batcher {
    gatherings: [Gathering; EventKind::ALL.len()],
    /// The largest message, headers included, in bytes.
    max_message: usize,
}

impl Default for Batcher {
    fn default() -> Self {
        Self {
            gatherings: Default::default(),
            max_message: usize::MAX,
        }
    }
}

#[derive(Debug, Default)]
struct Gathering {
    payload: Vec<u8>,
    received_at: Vec<Millis>,
}

impl Batcher {
    /// Limits the size of messages from now on, and returns the gathered events that no longer fit into one.
    pub fn limit_messages(&mut self, max_message: usize) -> Vec<Batch> {
        self.max_message = max_message;
        let mut too_large = Vec::new();
        for kind in EventKind::ALL {
            let Gathering { payload, received_at } = &self.gatherings[kind as usize];
            if message_size(received_at.len(), payload.len()) > max_message {
                too_large.extend(self.take(kind));
            }
        }
        too_large
    }

    /// Adds an event. Returns the batches that this completes.
    pub fn push(
        &mut self,
        kind: EventKind,
        json: &[u8],
        received_at: Millis,
    ) -> impl Iterator<Item = Batch> + use<> {
        // A line break would split the event for readers of the batch, so the event travels alone.
        let alone = json.contains(&b'\n');
        let max_message = self.max_message;
        let gathering = &mut self.gatherings[kind as usize];
        let payload = gathering.payload.len() + 1 + json.len();
        let fits = message_size(gathering.received_at.len() + 1, payload) <= max_message;
        let has_room = !alone && fits && payload <= MAX_BYTES;
        let full = (!has_room).then(|| gathering.take(kind)).flatten();
        gathering.add(json, received_at);
        let is_complete = alone || gathering.received_at.len() == MAX_EVENTS;
        let complete = is_complete.then(|| gathering.take(kind)).flatten();
        full.into_iter().chain(complete)
    }

    /// The events of a kind as a batch, if there are any.
    pub fn take(&mut self, kind: EventKind) -> Option<Batch> {
        self.gatherings[kind as usize].take(kind)
    }

    /// The number of events.
    pub fn events(&self) -> u64 {
        let counts = self
            .gatherings
            .iter()
            .map(|gathering| gathering.received_at.len() as u64);
        counts.sum()
    }
}

impl Gathering {
    fn add(&mut self, json: &[u8], received_at: Millis) {
        if !self.received_at.is_empty() {
            self.payload.push(b'\n');
        }
        self.payload.extend_from_slice(json);
        self.received_at.push(received_at);
    }

    /// Copies the events, so that the batch takes no more memory than it fills and the buffers keep their capacity.
    fn take(&mut self, kind: EventKind) -> Option<Batch> {
        let batch = Batch {
            kind,
            payload: Bytes::copy_from_slice(&self.payload),
            received_at: self.received_at.as_slice().into(),
        };
        self.payload.clear();
        self.received_at.clear();
        (!batch.received_at.is_empty()).then_some(batch)
    }
}
