//! Adds to records that are out already, and reads what is out: what needs more than one step.

use std::sync::Arc;

use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::stream::{DirectGetError, RawMessageError, RawMessageErrorKind};
use protocol::{EventKind, Guid, Profile, Record, SessionMessage, Tombstone, stream, subject};
use service::{Nats, clock, trace};

use crate::queue::opened_events::{OpenedEvents, Scan};
use crate::records::held::OldestOpening;
use crate::records::message;
use crate::records::sessions::{Outcome, Published};
use crate::records::standing::{Addition, Standing};
use crate::sighting::Sighting;

/// How often a record is read and written again because others write it at the same time.
const CONFLICTS: usize = 16;

/// How many messages of the queue are read at once.
const MAX_SCANNED: usize = 64;

/// It is not sure that a record knows all it should; what caused it goes back to the queue.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// The stream did not acknowledge.
    #[error("not acknowledged by its stream")]
    Unacknowledged(#[from] PublishError),
    /// The stream could not be read.
    #[error("the record that is out could not be read")]
    Unreadable(#[from] DirectGetError),
    /// What stands in the stream is no message of ours.
    #[error("not a record or tombstone")]
    Invalid,
    /// Others wrote the same record each time between our reading and writing it.
    #[error("written by others {CONFLICTS} times in a row")]
    Contended,
}

impl From<serde_json::Error> for AmendError {
    /// Drops the error: it may quote what it could not read, which must not be logged.
    fn from(_: serde_json::Error) -> Self {
        Self::Invalid
    }
}

/// Reads and amends what is out in the sessions' stream. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Amender {
    nats: Arc<Nats>,
}

impl Amender {
    /// Over that connection.
    pub fn new(nats: Nats) -> Self {
        Self { nats: Arc::new(nats) }
    }

    /// Adds a record to the one that is out; where none is, publishes it.
    ///
    /// # Errors
    /// Where it is not sure that a record is out.
    pub async fn add(&self, record: &Record) -> Result<(Outcome, bool), AmendError> {
        for _ in 0..=CONFLICTS {
            let outcome = match self.standing(&record.guid).await? {
                Some(standing) => self.merge(record, standing).await?,
                None => self.write_record(record, 0).await?,
            };
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
        Err(AmendError::Contended)
    }

    /// Takes a sighting over into the record that is out.
    ///
    /// # Errors
    /// Where it is not sure that the record knows it.
    pub async fn complete(&self, sighting: &Sighting) -> Result<(Outcome, bool), AmendError> {
        for _ in 0..CONFLICTS {
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
        Err(AmendError::Contended)
    }

    /// What is out of a session: its record, its tombstone or nothing.
    ///
    /// # Errors
    /// Where the stream cannot be read.
    pub async fn look(&self, guid: &Guid) -> Result<Outcome, AmendError> {
        let standing = self.standing(guid).await?;
        Ok(standing.map_or(Outcome::Missing, Standing::outcome))
    }

    /// Puts the tombstone in the place of the session's record, if one is out: the session must not be shown.
    ///
    /// # Errors
    /// Where it is not sure that no record is out.
    pub async fn hide(&self, tombstone: &Tombstone) -> Result<(Outcome, bool), AmendError> {
        for _ in 0..=CONFLICTS {
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
        Err(AmendError::Contended)
    }

    /// The oldest opened event that is in the queue.
    pub async fn oldest_opening(&self) -> OldestOpening {
        let Ok(raw) = self.nats.jetstream().get_stream_no_info(stream::RAW).await else {
            return OldestOpening::Unknown;
        };
        let opened = subject::raw(EventKind::SessionOpened);
        match raw.get_first_raw_message_by_subject(opened, 1).await {
            Ok(message) => OldestOpening::At(message.sequence),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => OldestOpening::None,
            Err(_) => OldestOpening::Unknown,
        }
    }

    /// The next opened events in the queue.
    ///
    /// # Errors
    /// Where the queue cannot be read.
    pub async fn opened_events(&self, scan: Scan) -> Result<OpenedEvents, RawMessageError> {
        let raw = self.nats.jetstream().get_stream_no_info(stream::RAW).await;
        let raw = raw.map_err(|error| RawMessageError::with_source(RawMessageErrorKind::Other, error))?;
        let subject = subject::raw(EventKind::SessionOpened);
        let until = scan.target;
        let mut opened = OpenedEvents {
            until: scan.read,
            ..OpenedEvents::default()
        };
        for _ in 0..MAX_SCANNED {
            match raw
                .get_first_raw_message_by_subject(subject, opened.until + 1)
                .await
            {
                Ok(message) if message.sequence <= until => opened.add(&message),
                Ok(_) => opened.until = until,
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => opened.until = until,
                Err(error) => return Err(error),
            }
            if opened.until >= until {
                break;
            }
        }
        Ok(opened)
    }

    /// Adds `record` to what is out, if it knows anything better. `None` where somebody else wrote in between.
    async fn merge(
        &self,
        record: &Record,
        standing: Standing,
    ) -> Result<Option<(Outcome, bool)>, AmendError> {
        let sequence = standing.sequence;
        match standing.add(record, clock::uptime()) {
            Addition::None(outcome) => Ok(Some((outcome, false))),
            Addition::Record(merged) => self.write_record(&merged, sequence).await,
        }
    }

    /// Writes the record if the last message on its subject has that sequence, 0 for none; `None` where it has not.
    async fn write_record(
        &self,
        record: &Record,
        expected: u64,
    ) -> Result<Option<(Outcome, bool)>, AmendError> {
        let message = message::record(record, expected, trace::current().as_ref())?;
        let written = self.nats.replace(message).await?;
        Ok(written.map(|_| (Outcome::Published(Published::of(record, clock::uptime())), true)))
    }

    async fn standing(&self, guid: &Guid) -> Result<Option<Standing>, AmendError> {
        let message = self.nats.last(stream::SESSIONS, subject::session(guid)).await?;
        Ok(message.as_ref().map(Standing::read).transpose()?)
    }
}
