//! Decides whether a stream still holds the messages that a process knows. Pure.
//!
//! A stream loses its messages when it is deleted and created again, when it is purged, and when the servers that hold it
//! in memory restart. In the last case a cluster keeps the creation time, because that is on disk, and restarts the
//! sequences.

use async_nats::datetime::DateTime;
use async_nats::jetstream::stream::Info;

/// A time of the server, in nanoseconds since the Unix epoch.
type Nanos = i128;

/// The part of a stream's state that is needed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// When the stream was created.
    pub created: Nanos,
    /// The sequence of the oldest message.
    pub first_sequence: u64,
    /// When the oldest message was stored.
    pub first_at: Nanos,
    /// The highest sequence assigned so far.
    pub last_sequence: u64,
    /// When the message with that sequence was stored.
    pub last_at: Nanos,
    /// The number of messages.
    pub messages: u64,
}

impl From<&Info> for StreamState {
    fn from(info: &Info) -> Self {
        let nanos = |time: DateTime| time.unix_timestamp_nanos();
        Self {
            created: nanos(info.created),
            first_sequence: info.state.first_sequence,
            first_at: nanos(info.state.first_timestamp),
            last_sequence: info.state.last_sequence,
            last_at: nanos(info.state.last_timestamp),
            messages: info.state.messages,
        }
    }
}

/// How a stream has changed since it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It holds the same messages, except for those that its limits removed.
    Same,
    /// It is another stream of the same name.
    Replaced,
    /// It is the same stream without its messages.
    Emptied,
}

/// One incarnation of a stream: from its creation until it is deleted, purged or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamIncarnation {
    created: Nanos,
    /// The highest sequence that was read or acknowledged.
    known: u64,
    /// A sequence, and when its message was stored.
    witness: (u64, Nanos),
}

impl StreamIncarnation {
    /// The incarnation with this state.
    #[must_use]
    pub fn of(state: &StreamState) -> Self {
        Self {
            created: state.created,
            known: state.last_sequence,
            witness: (state.last_sequence, state.last_at),
        }
    }

    /// A message with this sequence was read from the stream, or acknowledged by it.
    pub fn saw(&mut self, sequence: u64) {
        self.known = self.known.max(sequence);
    }

    /// The stream was seen in this state and compared as [`Change::Same`].
    pub fn advance(&mut self, state: &StreamState) {
        self.saw(state.last_sequence);
        self.witness = (state.last_sequence, state.last_at);
    }

    /// How the stream with this state has changed. It must hold at least `expected` messages.
    ///
    /// Everything that is known must have been known before the state was requested.
    #[must_use]
    pub fn compare(&self, state: &StreamState, expected: u64) -> Change {
        if state.created != self.created {
            return Change::Replaced;
        }
        let (sequence, at) = self.witness;
        let began_anew = state.last_sequence < self.known
            // The sequences are beyond the known ones, but belong to later messages.
            || (state.messages > 0 && state.first_sequence <= sequence && state.first_at > at)
            || (state.messages > 0 && state.last_sequence == sequence && state.last_at != at);
        if began_anew || state.messages < expected {
            Change::Emptied
        } else {
            Change::Same
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// A stream as a server keeps it.
    #[derive(Clone, Debug)]
    struct Model {
        created: Nanos,
        messages: VecDeque<(u64, Nanos)>,
        last: (u64, Nanos),
    }

    impl Model {
        fn created_at(now: Nanos) -> Self {
            Self {
                created: now,
                messages: VecDeque::new(),
                last: (0, 0),
            }
        }

        fn append(&mut self, now: Nanos) {
            self.last = (self.last.0 + 1, now);
            self.messages.push_back(self.last);
        }

        fn state(&self) -> StreamState {
            let first = self.messages.front().copied();
            let (first_sequence, first_at) = first.unwrap_or((self.last.0 + 1, 0));
            StreamState {
                created: self.created,
                first_sequence,
                first_at,
                last_sequence: self.last.0,
                last_at: self.last.1,
                messages: self.messages.len() as u64,
            }
        }
    }

    fn filled(count: u64) -> Model {
        let mut model = Model::created_at(1);
        (0..count).for_each(|n| model.append(10 + Nanos::from(n)));
        model
    }

    #[test]
    fn recreated_stream_is_replaced() {
        let known = StreamIncarnation::of(&filled(3).state());
        assert_eq!(known.compare(&Model::created_at(2).state(), 0), Change::Replaced);
    }

    #[test]
    fn acknowledged_sequence_above_the_last_means_emptied() {
        let mut known = StreamIncarnation::of(&filled(3).state());
        known.saw(5);
        assert_eq!(known.compare(&filled(4).state(), 0), Change::Emptied);
        assert_eq!(known.compare(&filled(5).state(), 0), Change::Same);
    }

    #[test]
    fn purged_stream_has_fewer_messages_than_expected() {
        let mut model = filled(3);
        let known = StreamIncarnation::of(&model.state());
        model.messages.clear();
        assert_eq!(known.compare(&model.state(), 0), Change::Same);
        assert_eq!(known.compare(&model.state(), 1), Change::Emptied);
    }

    proptest! {
        #[test]
        fn appending_and_removing_changes_nothing(
            before in 0_u64..20,
            after in 0_u64..20,
            removed in 0_usize..40,
        ) {
            let mut model = filled(before);
            let known = StreamIncarnation::of(&model.state());
            for n in 0..after {
                model.append(1_000 + Nanos::from(n));
            }
            model.messages.drain(..removed.min(model.messages.len()));
            prop_assert_eq!(known.compare(&model.state(), model.messages.len() as u64), Change::Same);
        }

        #[test]
        fn restarted_server_is_noticed_however_much_came_since(
            before in 1_u64..20,
            after in 0_u64..40,
            removed in 0_usize..40,
        ) {
            let known = StreamIncarnation::of(&filled(before).state());
            let mut model = Model::created_at(1);
            for n in 0..after {
                model.append(1_000 + Nanos::from(n));
            }
            // At least one of the messages known before must remain, so that the removals could have been those of the limits.
            let kept = model.messages.iter().filter(|(sequence, _)| *sequence <= before).count();
            model.messages.drain(..removed.min(kept.saturating_sub(1)));
            prop_assert_eq!(known.compare(&model.state(), 0), Change::Emptied);
        }
    }
}
