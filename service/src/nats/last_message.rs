//! The last message of a subject: reads it, and replaces it only if it has not changed since.

use std::error::Error as _;
use std::time::Duration;

use async_nats::datetime::DateTime;
use async_nats::header::NATS_MESSAGE_TTL;
use async_nats::jetstream::context::{PublishError, PublishErrorKind, traits::Publisher as _};
use async_nats::jetstream::message::{OutboundMessage, StreamMessage, StreamMessageError};
use async_nats::jetstream::stream::{DirectGetError, DirectGetErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, Message, StatusCode};
use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use protocol::Timestamp;

use crate::nats::Nats;

impl Nats {
    /// Publishes a message, waits for the stream's acknowledgement, and returns the sequence.
    ///
    /// # Errors
    /// Fails if the stream does not acknowledge it.
    pub async fn publish(&self, message: OutboundMessage) -> Result<u64, PublishError> {
        let ack = self.jetstream().publish_message(message).await?.await?;
        Ok(ack.sequence)
    }

    /// Publishes a message that expects a last sequence on its subject. Returns `None` if another message is there.
    ///
    /// In a cluster another message to the subject may be undecided. Then this retries until it is decided.
    ///
    /// # Errors
    /// As [`Nats::publish`].
    pub async fn replace(&self, message: OutboundMessage) -> Result<Option<u64>, PublishError> {
        let OutboundMessage {
            subject,
            payload,
            headers,
        } = message;
        let message = || OutboundMessage::new(subject.clone(), payload.clone(), headers.clone());
        let pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(5))
            .with_max_delay(Duration::from_millis(500))
            .with_max_times(UNDECIDED)
            .with_jitter();
        let written = (|| self.publish(message()))
            .retry(pauses)
            .when(is_undecided)
            .await;
        match written {
            Ok(sequence) => Ok(Some(sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The last message on a subject of a stream, if there is one.
    ///
    /// # Errors
    /// Fails if the stream cannot be read.
    pub async fn last(&self, stream: &str, subject: String) -> Result<Option<StreamMessage>, DirectGetError> {
        let stream = self.jetstream().get_stream_no_info(stream).await;
        let stream = stream.map_err(|error| DirectGetError::with_source(DirectGetErrorKind::Other, error))?;
        match stream.direct_get_last_for_subject(subject).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The request for the last message on a subject of a stream; [`answered`] reads the answer.
#[must_use]
pub fn ask(nats: &Nats, stream: &str, subject: &str) -> OutboundMessage {
    OutboundMessage::new(
        format!("{}.DIRECT.GET.{stream}.{subject}", nats.api_prefix()).into(),
        Bytes::new(),
        None,
    )
}

/// Reads the answer to [`ask`]: the message, if there is one.
///
/// # Errors
/// Fails if the stream cannot be read.
pub fn answered(answer: Message) -> Result<Option<StreamMessage>, DirectGetError> {
    match answer.status {
        Some(StatusCode::NOT_FOUND) => Ok(None),
        Some(status) => Err(DirectGetError::with_source(
            DirectGetErrorKind::Other,
            format!("status {status}"),
        )),
        None => answer.try_into().map(Some).map_err(|error: StreamMessageError| {
            DirectGetError::with_source(DirectGetErrorKind::Other, error)
        }),
    }
}

/// How often a write is retried while another one to the same subject is undecided.
const UNDECIDED: usize = 12;

fn is_undecided(error: &PublishError) -> bool {
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<jetstream::Error>());
    cause.is_some_and(|cause| cause.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT)
}

/// The TTL of a message, if it has one.
#[must_use]
pub fn ttl(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(NATS_MESSAGE_TTL)?.as_str().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A time of the server.
#[must_use]
pub fn timestamp(time: DateTime) -> Timestamp {
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).map_or(Timestamp::MAX, Timestamp::from_unix_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_in_whole_seconds() {
        let mut headers = HeaderMap::new();
        assert_eq!(ttl(&headers), None);
        headers.insert(NATS_MESSAGE_TTL, "900");
        assert_eq!(ttl(&headers), Some(Duration::from_mins(15)));
        headers.insert(NATS_MESSAGE_TTL, "never");
        assert_eq!(ttl(&headers), None);
    }
}
