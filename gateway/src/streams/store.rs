//! Writes to the sessions' stream what should stand there.

use std::time::Duration;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use protocol::{Guid, subject};
use service::Nats;
use tokio::time::sleep;

use crate::view::write_back::WriteBack;

/// How long a failed write waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How a write ended.
pub enum Written {
    /// It stands in the stream, or another gateway or an enricher was faster; either way the stream will tell.
    Done,
    /// It is not known to stand there.
    Not(Guid, PublishError),
}

/// Writes, if the stream still says what it said when this was decided.
pub async fn write(nats: Nats, write: WriteBack) -> Written {
    let guid = write.message.guid().clone();
    match replace(&nats, write).await {
        Ok(_) => Written::Done,
        Err(error) => {
            // A stream that is full refuses at once.
            sleep(RETRY_AFTER).await;
            Written::Not(guid, error)
        }
    }
}

async fn replace(nats: &Nats, write: WriteBack) -> Result<Option<u64>, PublishError> {
    let payload = serde_json::to_vec(&write.message)
        .map_err(|error| PublishError::with_source(PublishErrorKind::Other, error))?;
    let message = PublishMessage::build()
        .ttl(write.ttl)
        .expected_last_subject_sequence(write.expected)
        .payload(payload.into())
        .outbound_message(subject::session(write.message.guid()));
    nats.replace(message).await
}
