//! Writes one message to the sessions' stream.

use std::time::Duration;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use protocol::{Guid, subject};
use service::Nats;
use tokio::time::sleep;

use crate::view::write_back::WriteBack;

/// The pause before a failed write is retried.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The result of a write.
pub enum Written {
    /// The stream has it, or another process was faster. In both cases the message arrives from the stream.
    Done,
    /// The stream may not have it.
    Failed(Guid, PublishError),
}

/// Writes the message unless another one has replaced the expected one.
pub async fn write(nats: Nats, write: WriteBack) -> Written {
    let guid = write.message.guid().clone();
    match replace(&nats, write).await {
        Ok(_) => Written::Done,
        Err(error) => {
            // A full stream refuses immediately.
            sleep(RETRY_AFTER).await;
            Written::Failed(guid, error)
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
