//! Changes to records that are already published: read, merge, compare-and-set.

use std::sync::Arc;

use protocol::stream::RECORD_TTL;
use protocol::{Guid, Profile, Record, SessionMessage, Tombstone, stream, subject};
use service::{Nats, clock, trace};

use crate::records::message;
use crate::records::sessions::{PublishOutcome, Published};
use crate::records::stored_record::{Addition, StoredRecord};
use crate::records::write_error::{MAX_CONFLICTS, WriteError};
use crate::sighting::Sighting;

/// Reads and updates records in the stream of sessions. Clones share the connection.
#[derive(Clone, Debug)]
pub struct RecordUpdater {
    nats: Arc<Nats>,
}

impl RecordUpdater {
    /// An updater that uses this connection.
    pub fn new(nats: Nats) -> Self {
        Self { nats: Arc::new(nats) }
    }

    /// Merges a record into the published one, or publishes it if there is none.
    ///
    /// # Errors
    /// If the record may not be in the stream.
    pub async fn merge(&self, record: &Record) -> Result<(PublishOutcome, bool), WriteError> {
        for _ in 0..=MAX_CONFLICTS {
            let outcome = match self.stored(&record.guid).await? {
                Some(stored) => self.write_merged(record, stored).await?,
                None => self.write_record(record, 0).await?,
            };
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
        Err(WriteError::Contended)
    }

    /// Merges an event into the published record.
    ///
    /// # Errors
    /// If the record may not include the event.
    pub async fn merge_sighting(&self, sighting: &Sighting) -> Result<(PublishOutcome, bool), WriteError> {
        for _ in 0..MAX_CONFLICTS {
            let Some(stored) = self.stored(&sighting.guid).await? else {
                return Ok((PublishOutcome::Missing, false));
            };
            let mut record = sighting.record(Profile::default());
            if let SessionMessage::Record(stored) = &stored.message {
                record.take_identity(stored);
            }
            if let Some(outcome) = self.write_merged(&record, stored).await? {
                return Ok(outcome);
            }
        }
        Err(WriteError::Contended)
    }

    /// What the stream holds of a session: its record, its tombstone or nothing.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub async fn read(&self, guid: &Guid) -> Result<PublishOutcome, WriteError> {
        let stored = self.stored(guid).await?;
        Ok(stored.map_or(PublishOutcome::Missing, StoredRecord::outcome))
    }

    /// Replaces the session's record, if there is one, with the tombstone, because the session must not be shown.
    ///
    /// # Errors
    /// If a record may still be in the stream.
    pub async fn hide(&self, tombstone: &Tombstone) -> Result<(PublishOutcome, bool), WriteError> {
        for _ in 0..=MAX_CONFLICTS {
            let Some(stored) = self.stored(&tombstone.guid).await? else {
                return Ok((PublishOutcome::Hidden, false));
            };
            if let SessionMessage::Tombstone(_) = stored.message {
                return Ok((stored.outcome(), false));
            }
            let message = message::tombstone(tombstone, Some(stored.sequence), None)?;
            if self.nats.replace(message).await?.is_some() {
                return Ok((PublishOutcome::Closed(tombstone.clone(), clock::uptime()), true));
            }
        }
        Err(WriteError::Contended)
    }

    /// Merges `record` into the stored message if it adds anything. `None` if another process has written in between.
    async fn write_merged(
        &self,
        record: &Record,
        stored: StoredRecord,
    ) -> Result<Option<(PublishOutcome, bool)>, WriteError> {
        let sequence = stored.sequence;
        match stored.add(record, clock::uptime()) {
            Addition::None(outcome) => Ok(Some((outcome, false))),
            Addition::Record(merged) => self.write_record(&merged, sequence).await,
        }
    }

    /// Writes the record if the last message on its subject has this sequence, 0 for none. `None` if it has another
    /// one.
    async fn write_record(
        &self,
        record: &Record,
        expected: u64,
    ) -> Result<Option<(PublishOutcome, bool)>, WriteError> {
        let message = message::record(record, expected, RECORD_TTL, trace::current().as_ref())?;
        let written = self.nats.replace(message).await?;
        Ok(written.map(|_| {
            (
                PublishOutcome::Published(Published::of(record, clock::uptime())),
                true,
            )
        }))
    }

    async fn stored(&self, guid: &Guid) -> Result<Option<StoredRecord>, WriteError> {
        let message = self.nats.last(stream::SESSIONS, subject::session(guid)).await?;
        Ok(message.as_ref().map(StoredRecord::read).transpose()?)
    }
}
