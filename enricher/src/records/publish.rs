//! Publishes records, tombstones and activities, and tells which of them their streams have.

use async_nats::client::PublishError;
use async_nats::jetstream::message::OutboundMessage;
use async_nats::jetstream::stream::DirectGetError;
use async_nats::{Message, SubscribeError};
use protocol::time::millis;
use protocol::{Activity, Millis, Record, Tombstone, stream, subject};
use service::requests::{Answer, NotStored, Requests, acknowledged};
use service::streams::ACK_WAIT;
use service::trace::Span;
use service::{Nats, clock, last_message};

use crate::queue::ledger::DeliveryId;
use crate::records::message;
use crate::records::standing::Standing;
use crate::records::writes::{Write, Writes};
use crate::sighting::Sighting;

/// How long a stream may take to answer, in ms; within the time after which the queue gives a message to another.
const PATIENCE: Millis = millis(ACK_WAIT) - 1_000;

/// What the streams say of a write.
pub enum Written {
    /// Of a session's first record.
    Record(Sighting, Record, DeliveryId, Result<(), NotWritten>),
    /// What is out of the session that the record is of.
    Standing(Sighting, Record, DeliveryId, Result<Option<Standing>, NotWritten>),
    /// Of a tombstone.
    Tombstone(DeliveryId, Result<(), NotWritten>),
    /// Of activities.
    Activities(Vec<(Activity, DeliveryId)>, Result<(), NotWritten>),
}

/// A message is not in its stream, as far as one knows; or what is there cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// The stream does not have it.
    #[error(transparent)]
    NotStored(#[from] NotStored),
    /// The client did not take it.
    #[error("not sent")]
    Unsent(#[from] PublishError),
    /// It could not even be put into a message, or what is out is no message of ours.
    #[error("not a record or tombstone")]
    Invalid,
    /// The stream could not be read.
    #[error("the record that is out could not be read")]
    Unreadable(#[from] DirectGetError),
    /// Nothing was said for too long.
    #[error("not answered within {} s", PATIENCE / 1_000)]
    Unanswered,
}

impl From<serde_json::Error> for NotWritten {
    /// Drops the error: it may quote what it could not read, which must not be logged.
    fn from(_: serde_json::Error) -> Self {
        Self::Invalid
    }
}

/// Publishes without waiting. Each write comes back with what became of it, unless it is abandoned.
pub struct Publisher {
    requests: Requests,
    writes: Writes,
    activity_subject: String,
    /// What could not even be put into a message.
    unsent: Vec<Written>,
}

impl Publisher {
    /// For the enricher of that name.
    ///
    /// # Errors
    /// Where the client has ended.
    pub async fn new(nats: Nats, instance: &str) -> Result<Self, SubscribeError> {
        Ok(Self {
            requests: Requests::new(nats).await?,
            writes: Writes::new(),
            activity_subject: subject::activity(instance),
            unsent: Vec::new(),
        })
    }

    /// Publishes the record of a session of which none should be out; [`NotStored::Occupied`] where one is.
    pub async fn record(&mut self, sighting: Sighting, record: Record, id: DeliveryId, span: Option<Span>) {
        let message = message::record(&record, 0, span.as_ref());
        self.send(message, Write::Record(sighting, record, id), span)
            .await;
    }

    /// Asks what is out of the session that the record is of.
    pub async fn look(&mut self, sighting: Sighting, record: Record, id: DeliveryId, span: Option<Span>) {
        let question = last_message::ask(stream::SESSIONS, &subject::session(&record.guid));
        self.send(Ok(question), Write::Look(sighting, record, id), span)
            .await;
    }

    /// Ends a session for good, whatever stands on its subject.
    pub async fn tombstone(&mut self, tombstone: &Tombstone, id: DeliveryId, span: Option<Span>) {
        let message = message::tombstone(tombstone, span.as_ref());
        self.send(message, Write::Tombstone(id), span).await;
    }

    /// Publishes activities in one message.
    pub async fn activities(&mut self, batch: Vec<(Activity, DeliveryId)>, span: Option<Span>) {
        let message = message::activities(&batch, &self.activity_subject, span.as_ref());
        self.send(message, Write::Activities(batch), span).await;
    }

    /// Waits until streams answer, and tells what became of these writes.
    pub async fn answers(&mut self) -> Vec<Written> {
        if !self.unsent.is_empty() {
            return std::mem::take(&mut self.unsent);
        }
        let answers = self.requests.answers().await;
        // What was given up in the meantime is handled anew.
        let known = |(ticket, answer): Answer| {
            let write = self.writes.answered(ticket)?;
            Some(written(write, answer.map_err(NotWritten::from)))
        };
        answers.into_iter().filter_map(known).collect()
    }

    /// Gives up on writes that have been unanswered for too long.
    pub fn overdue(&mut self) -> Vec<Written> {
        let overdue = self.writes.overdue(clock::uptime(), PATIENCE).into_iter();
        overdue
            .map(|write| written(write, Err(NotWritten::Unanswered)))
            .collect()
    }

    /// Forgets all writes under way: their answers are lost with the connection.
    pub fn abandon(&mut self) {
        self.writes.abandon();
    }

    /// How many writes are not answered yet.
    pub fn under_way(&self) -> usize {
        self.writes.len()
    }

    async fn send(
        &mut self,
        message: Result<OutboundMessage, serde_json::Error>,
        write: Write,
        span: Option<Span>,
    ) {
        match message {
            Ok(message) => {
                let ticket = self.requests.send(message).await;
                self.writes.sent(ticket, write, span, clock::uptime());
            }
            Err(error) => self.unsent.push(written(write, Err(error.into()))),
        }
    }
}

fn written(write: Write, answer: Result<Message, NotWritten>) -> Written {
    let stored = |answer: Result<Message, NotWritten>| Ok(acknowledged(&answer?)?);
    match write {
        Write::Record(sighting, record, id) => Written::Record(sighting, record, id, stored(answer)),
        Write::Look(sighting, record, id) => Written::Standing(sighting, record, id, standing(answer)),
        Write::Tombstone(id) => Written::Tombstone(id, stored(answer)),
        Write::Activities(batch) => Written::Activities(batch, stored(answer)),
    }
}

fn standing(answer: Result<Message, NotWritten>) -> Result<Option<Standing>, NotWritten> {
    let message = last_message::answered(answer?)?;
    Ok(message.as_ref().map(Standing::read).transpose()?)
}
