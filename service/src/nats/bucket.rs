//! A key-value bucket. An entry is replaced only if it has not changed since it was read, so that of several writers one
//! wins.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::{OutboundMessage, PublishMessage};
use async_nats::jetstream::stream::DirectGetError;
use bytes::Bytes;
use serde::Serialize;

use crate::nats::Nats;

/// How long the marker of a deleted entry is kept.
const MARKER_TTL: Duration = Duration::from_mins(1);

/// A bucket could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// An entry was not written.
    #[error("the bucket does not acknowledge: {0}")]
    Unacknowledged(#[from] PublishError),
    /// The connection was lost before the bucket acknowledged, or the bucket is being restored.
    #[error("the connection to the bucket was lost, or the bucket is being restored")]
    Disconnected,
    /// An entry was not read.
    #[error("the bucket cannot be read: {0}")]
    Unreadable(#[from] DirectGetError),
    /// An entry is not what its reader or writer expects.
    #[error("the bucket holds an unexpected entry")]
    Invalid,
    /// Others wrote the same entry each time between reading and writing it.
    #[error("{0} write conflicts in a row")]
    Contended(usize),
}

impl From<serde_json::Error> for BucketError {
    /// Drops the error: it may quote what it could not read, which must not be logged.
    fn from(_: serde_json::Error) -> Self {
        Self::Invalid
    }
}

/// A bucket. Clones share it.
#[derive(Clone, Debug)]
pub struct Bucket {
    nats: Nats,
    name: &'static str,
}

impl Bucket {
    /// The bucket with that name.
    #[must_use]
    pub fn new(nats: Nats, name: &'static str) -> Self {
        Self { nats, name }
    }

    /// The connection to it.
    #[must_use]
    pub fn nats(&self) -> &Nats {
        &self.nats
    }

    /// Writes a value if the entry has the expected sequence (0 for none), or unconditionally if none is given. Returns the
    /// new sequence; `None` if the entry has another sequence.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn write(
        &self,
        key: &str,
        value: &impl Serialize,
        ttl: Duration,
        expected: Option<u64>,
    ) -> Result<Option<u64>, BucketError> {
        // The server counts in seconds and refuses less than one.
        let mut message = PublishMessage::build()
            .ttl(ttl.max(Duration::from_secs(1)))
            .payload(serde_json::to_vec(value)?.into());
        if let Some(expected) = expected {
            message = message.expected_last_subject_sequence(expected);
        }
        let message = message.outbound_message(self.nats.entry_subject(self.name, key));
        self.replace(message).await
    }

    /// Does not wait for an acknowledgement that was lost with the connection.
    async fn replace(&self, message: OutboundMessage) -> Result<Option<u64>, BucketError> {
        let Some(epoch) = self.nats.epoch() else {
            return Ok(self.nats.replace(message).await?);
        };
        tokio::select! {
            written = self.nats.replace(message) => Ok(written?),
            () = self.nats.lost(epoch) => Err(BucketError::Disconnected),
        }
    }

    /// The entry's value, unless there is none or it was deleted or has expired, and the entry's sequence, 0 for none.
    ///
    /// # Errors
    /// Fails if the bucket cannot be read.
    pub async fn read(&self, key: &str) -> Result<(Option<Bytes>, u64), BucketError> {
        let stream = format!("KV_{}", self.name);
        let subject = format!("$KV.{}.{key}", self.name);
        Ok(match self.nats.last(&stream, subject).await? {
            None => (None, 0),
            Some(message) if is_marker(&message.headers) => (None, message.sequence),
            Some(message) => (Some(message.payload), message.sequence),
        })
    }

    /// Deletes the entry, unless it has another sequence than the expected one.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn delete(&self, key: &str, expected: u64) -> Result<(), BucketError> {
        let message = PublishMessage::build()
            .header("KV-Operation", "DEL")
            .ttl(MARKER_TTL)
            .expected_last_subject_sequence(expected)
            .outbound_message(self.nats.entry_subject(self.name, key));
        self.replace(message).await?;
        Ok(())
    }
}

/// Whether a message says that an entry is gone: deleted, or expired.
#[must_use]
pub fn is_marker(headers: &HeaderMap) -> bool {
    headers.get("KV-Operation").is_some() || headers.get("Nats-Marker-Reason").is_some()
}
