//! Watches a stream that a process depends on: requests its state about once a second, and reports when it is missing,
//! replaced or emptied.

use std::mem;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Info, Stream};
use tokio::time::sleep;

use crate::nats::Nats;
use crate::streams::incarnation::{Change, StreamIncarnation, StreamState};

/// How often the state is requested.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Why a stream without a leader cannot be relied on.
pub(super) const NO_LEADER: &str = "its servers have no quorum";

/// Why a stream cannot be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// The stream does not exist.
    #[error("is missing and is being created again")]
    Missing,
    /// It is a different stream with the same name.
    #[error("was replaced by an empty one and is being repaired")]
    Replaced,
    /// Its messages are gone.
    #[error("was emptied and is being repaired")]
    Emptied,
    /// Its state is not known, or it stores nothing.
    #[error("does not answer: {0}")]
    Unanswered(String),
}

/// Whether the stream has a leader. A stream of a cluster has none while its servers have no quorum. It stores nothing then,
/// but a server that is left still tells its state, which may be an old one.
pub(super) fn has_leader(info: &Info) -> bool {
    info.cluster
        .as_ref()
        .is_none_or(|cluster| cluster.leader.as_ref().is_some_and(|leader| !leader.is_empty()))
}

/// Watches one stream for the loss of its messages.
#[derive(Debug)]
pub struct StreamWatch {
    nats: Nats,
    name: &'static str,
    incarnation: Option<StreamIncarnation>,
    /// Whether a check has found it replaced or emptied since the last [`Self::begin`].
    lost: Option<Change>,
    /// Whether the stream had no leader at the last check.
    leaderless: bool,
}

impl StreamWatch {
    /// Creates a watch, which starts with the first [`Self::begin`].
    #[must_use]
    pub fn new(nats: Nats, name: &'static str) -> Self {
        Self {
            nats,
            name,
            incarnation: None,
            lost: None,
            leaderless: false,
        }
    }

    /// Starts to rely on the stream. Returns what has changed since it was last relied on; [`Change::Same`] the first time.
    pub fn begin(&mut self, stream: &Stream) -> Change {
        let state = StreamState::from(stream.cached_info());
        let lost = self.lost.take();
        self.leaderless = false;
        let Some(incarnation) = &mut self.incarnation else {
            self.incarnation = Some(StreamIncarnation::of(&state));
            return Change::Same;
        };
        let change = match incarnation.compare(&state, 0) {
            Change::Same => lost.unwrap_or(Change::Same),
            change => change,
        };
        if change == Change::Same {
            incarnation.advance(&state);
        } else {
            *incarnation = StreamIncarnation::of(&state);
        }
        change
    }

    /// A message with this sequence was read or acknowledged.
    pub fn saw(&mut self, sequence: u64) {
        if let Some(incarnation) = &mut self.incarnation {
            incarnation.saw(sequence);
        }
    }

    /// Requests the state after [`CHECK_INTERVAL`]. The stream must hold at least `expected()` messages then.
    ///
    /// The result is for [`StreamWatch::evaluate`].
    pub fn check<F>(&self, expected: F) -> impl Future<Output = StateCheck> + Send + use<F>
    where
        F: FnOnce() -> u64 + Send,
    {
        self.check_after(CHECK_INTERVAL, expected)
    }

    /// The same, after a different pause.
    pub fn check_after<F>(
        &self,
        pause: Duration,
        expected: F,
    ) -> impl Future<Output = StateCheck> + Send + use<F>
    where
        F: FnOnce() -> u64 + Send,
    {
        let (nats, name, incarnation) = (self.nats.clone(), self.name, self.incarnation);
        async move {
            sleep(pause).await;
            // Read before the request, because messages that arrive later need not be in the reply.
            let expected = expected();
            let stream = match nats.jetstream().get_stream(name).await {
                Ok(stream) => stream,
                Err(error) => {
                    let missing = matches!(error.kind(), GetStreamErrorKind::JetStream(error)
                        if error.error_code() == ErrorCode::STREAM_NOT_FOUND);
                    let fault = if missing {
                        StreamFault::Missing
                    } else {
                        StreamFault::Unanswered(error.to_string())
                    };
                    return StateCheck { found: Err(fault) };
                }
            };
            let state = StreamState::from(stream.cached_info());
            let change = incarnation.map_or(Change::Same, |known| known.compare(&state, expected));
            StateCheck {
                found: Ok((change, stream)),
            }
        }
    }

    /// Evaluates a check, and returns the stream as it was then.
    ///
    /// # Errors
    /// Fails if the stream can no longer be relied on. It may be without a leader for one check, but not for two.
    pub fn evaluate(&mut self, check: StateCheck) -> Result<Stream, StreamFault> {
        let (change, stream) = check.found?;
        let was_leaderless = mem::replace(&mut self.leaderless, !has_leader(stream.cached_info()));
        if self.leaderless {
            // An election takes a moment; a missing quorum lasts.
            return if was_leaderless {
                Err(StreamFault::Unanswered(NO_LEADER.to_owned()))
            } else {
                Ok(stream)
            };
        }
        match change {
            Change::Same => {
                if let Some(incarnation) = &mut self.incarnation {
                    incarnation.advance(&StreamState::from(stream.cached_info()));
                }
                Ok(stream)
            }
            Change::Replaced => {
                self.lost = Some(change);
                Err(StreamFault::Replaced)
            }
            Change::Emptied => {
                self.lost = Some(change);
                Err(StreamFault::Emptied)
            }
        }
    }
}

/// The result of a check.
#[derive(Debug)]
pub struct StateCheck {
    found: Result<(Change, Stream), StreamFault>,
}
