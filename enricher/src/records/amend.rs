//! Changes to records that are already published: read, merge, compare-and-set.

use std::sync::Arc;

use protocol::{Guid, Profile, Record, SessionMessage, Tombstone, stream, subject};
use service::{Nats, clock, trace};

use crate::records::message;
use crate::records::sessions::{Outcome, Published};
use crate::records::standing::{Addition, Standing};
use crate::records::write_error::{MAX_CONFLICTS, WriteError};
use crate::sighting::Sighting;

/// Reads and updates records in the stream of sessions. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Amender {
    nats: Arc<Nats>,
}

impl Amender {
    /// An updater that uses this connection.
    pub fn new(nats: Nats) -> Self {
        Self { nats: Arc::new(nats) }
    }

    /// Merges a record into the published one, or publishes it if there is none.
    ///
    /// # Errors
    /// If the record may not be in the stream.
    pub async fn add(&self, record: &Record) -> Result<(Outcome, bool), WriteError> {
        for _ in 0..=MAX_CONFLICTS {
            let outcome = match self.standing(&record.guid).await? {
                Some(standing) => self.merge(record, standing).await?,
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
    pub async fn complete(&self, sighting: &Sighting) -> Result<(Outcome, bool), WriteError> {
        for _ in 0..MAX_CONFLICTS {
            let Some(standing) = self.standing(&sighting.guid).await? else {
                return Ok((Outcome::Missing, false));
            };
            let mut record = sighting.record(Profile::default());
            if let SessionMessage::Record(standing) = &standing.message {
                record.take_identity(standing);
            }
            if let Some(outcome) = self.merge(&record, standing).await? {
                return Ok(outcome);
            }
        }
        Err(WriteError::Contended)
    }

    /// What the stream holds of a session: its record, its tombstone or nothing.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub async fn look(&self, guid: &Guid) -> Result<Outcome, WriteError> {
        let standing = self.standing(guid).await?;
        Ok(standing.map_or(Outcome::Missing, Standing::outcome))
    }

    /// Replaces the session's record, if there is one, with the tombstone, because the session must not be shown.
    ///
    /// # Errors
    /// If a record may still be in the stream.
    pub async fn hide(&self, tombstone: &Tombstone) -> Result<(Outcome, bool), WriteError> {
        for _ in 0..=MAX_CONFLICTS {
            let Some(standing) = self.standing(&tombstone.guid).await? else {
                return Ok((Outcome::Hidden, false));
            };
            if let SessionMessage::Tombstone(_) = standing.message {
                return Ok((standing.outcome(), false));
            }
            let message = message::tombstone_over(tombstone, standing.sequence)?;
            if self.nats.replace(message).await?.is_some() {
                return Ok((Outcome::Closed(tombstone.clone(), clock::uptime()), true));
            }
        }
        Err(WriteError::Contended)
    }

    /// Merges `record` into the stored message if it adds anything. `None` if another process has written in between.
    async fn merge(
        &self,
        record: &Record,
        standing: Standing,
    ) -> Result<Option<(Outcome, bool)>, WriteError> {
        let sequence = standing.sequence;
        match standing.add(record, clock::uptime()) {
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
    ) -> Result<Option<(Outcome, bool)>, WriteError> {
        let message = message::record(record, expected, trace::current().as_ref())?;
        let written = self.nats.replace(message).await?;
        Ok(written.map(|_| (Outcome::Published(Published::of(record, clock::uptime())), true)))
    }

    async fn standing(&self, guid: &Guid) -> Result<Option<Standing>, WriteError> {
        let message = self.nats.last(stream::SESSIONS, subject::session(guid)).await?;
        Ok(message.as_ref().map(Standing::read).transpose()?)
    }
}
