//! Why a write may be missing from its stream. Pure.

use async_nats::client;
use async_nats::jetstream::context;
use async_nats::jetstream::stream::DirectGetError;
use protocol::Millis;
use protocol::time::millis;
use service::requests::NotStored;
use service::streams::ACK_WAIT;

/// How often a conflicting write is retried.
pub const MAX_CONFLICTS: usize = 16;

/// How long to wait for a stream's answer, in ms: less than the time after which the queue delivers the message again.
pub const ANSWER_TIMEOUT: Millis = millis(ACK_WAIT) - 1_000;

/// A write may be missing from its stream. The raw message that caused it goes back to the queue.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The stream refused the write.
    #[error(transparent)]
    NotStored(#[from] NotStored),
    /// The client did not accept the message.
    #[error("not sent")]
    Unsent(#[from] client::PublishError),
    /// The stream did not acknowledge the write.
    #[error("not acknowledged by the stream")]
    Unacknowledged(#[from] context::PublishError),
    /// No answer came in time.
    #[error("not answered within {} s", ANSWER_TIMEOUT / 1_000)]
    Unanswered,
    /// The stream could not be read.
    #[error("the stored record could not be read")]
    Unreadable(#[from] DirectGetError),
    /// The message could not be serialized, or the stored one is not a record or tombstone.
    #[error("not a record or tombstone")]
    Invalid,
    /// Another process wrote the record between each of our reads and writes.
    #[error("{MAX_CONFLICTS} write conflicts in a row")]
    Contended,
}

impl From<serde_json::Error> for WriteError {
    /// Drops the error, because it may quote the payload, which must not be logged.
    fn from(_: serde_json::Error) -> Self {
        Self::Invalid
    }
}
