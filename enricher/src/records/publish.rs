//! Publishes records, tombstones and activities, and reports which of them the streams have stored.

use async_nats::jetstream::message::OutboundMessage;
use async_nats::{Message, SubscribeError};
use protocol::stream::RECORD_TTL;
use protocol::{Activity, Record, Tombstone, stream, subject};
use service::requests::{Answer, Requests, acknowledged};
use service::trace::Span;
use service::{Nats, clock, last_message};

use crate::queue::in_flight::DeliveryId;
use crate::records::message;
use crate::records::pending_writes::{PendingWrites, Write};
use crate::records::stored_record::StoredRecord;
use crate::records::write_error::{ANSWER_TIMEOUT, WriteError};
use crate::sighting::Sighting;

/// The result of a write or read.
pub enum Written {
    /// The result of writing the first record of a session.
    Record(Sighting, Record, DeliveryId, Result<(), WriteError>),
    /// The stored message of the session that the record belongs to.
    Stored(
        Sighting,
        Record,
        DeliveryId,
        Result<Option<StoredRecord>, WriteError>,
    ),
    /// The result of writing a tombstone.
    Tombstone(DeliveryId, Result<(), WriteError>),
    /// The result of publishing activities.
    Activities(Vec<(Activity, DeliveryId)>, Result<(), WriteError>),
}

/// Publishes without waiting. Each write is returned with its result, unless it is abandoned.
pub struct Publisher {
    requests: Requests,
    writes: PendingWrites,
    activity_subject: String,
    /// Writes that could not be serialized.
    unsent: Vec<Written>,
}

impl Publisher {
    /// A publisher for the enricher with this instance name.
    ///
    /// # Errors
    /// If the NATS client has ended.
    pub async fn new(nats: Nats, instance: &str) -> Result<Self, SubscribeError> {
        Ok(Self {
            requests: Requests::new(nats).await?,
            writes: PendingWrites::new(),
            activity_subject: subject::activity(instance),
            unsent: Vec::new(),
        })
    }

    /// Publishes the first record of a session. The result is [`NotStored::Occupied`](service::requests::NotStored::Occupied) if there already is a message.
    pub async fn record(&mut self, sighting: Sighting, record: Record, id: DeliveryId, span: Option<Span>) {
        let message = message::record(&record, 0, RECORD_TTL, span.as_ref());
        self.send(message, Write::Record(sighting, record, id), span)
            .await;
    }

    /// Reads the stored message of the session that the record belongs to.
    pub async fn read(&mut self, sighting: Sighting, record: Record, id: DeliveryId, span: Option<Span>) {
        let question = last_message::ask(
            self.requests.nats(),
            stream::SESSIONS,
            &subject::session(&record.guid),
        );
        self.send(Ok(question), Write::Read(sighting, record, id), span)
            .await;
    }

    /// Ends a session for good: replaces any message on its subject.
    pub async fn tombstone(&mut self, tombstone: &Tombstone, id: DeliveryId, span: Option<Span>) {
        let message = message::tombstone(tombstone, None, span.as_ref());
        self.send(message, Write::Tombstone(id), span).await;
    }

    /// Publishes activities in one message.
    pub async fn activities(&mut self, batch: Vec<(Activity, DeliveryId)>, span: Option<Span>) {
        let message = message::activities(&batch, &self.activity_subject, span.as_ref());
        self.send(message, Write::Activities(batch), span).await;
    }

    /// Waits until streams answer, and returns these results.
    pub async fn answers(&mut self) -> Vec<Written> {
        if !self.unsent.is_empty() {
            return std::mem::take(&mut self.unsent);
        }
        let answers = self.requests.answers().await;
        // Answers to writes that were abandoned are ignored: those are handled again.
        let known = |(ticket, answer): Answer| {
            let write = self.writes.answered(ticket)?;
            Some(written(write, answer.map_err(WriteError::from)))
        };
        answers.into_iter().filter_map(known).collect()
    }

    /// Gives up on writes whose answer is overdue, and returns them as failed.
    pub fn overdue(&mut self) -> Vec<Written> {
        let overdue = self.writes.overdue(clock::uptime(), ANSWER_TIMEOUT).into_iter();
        overdue
            .map(|write| written(write, Err(WriteError::Unanswered)))
            .collect()
    }

    /// Forgets all unanswered writes: their answers are lost with the connection.
    pub fn abandon(&mut self) {
        self.writes.abandon();
    }

    pub fn pending(&self) -> usize {
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

fn written(write: Write, answer: Result<Message, WriteError>) -> Written {
    let stored = |answer: Result<Message, WriteError>| Ok(acknowledged(&answer?)?);
    match write {
        Write::Record(sighting, record, id) => Written::Record(sighting, record, id, stored(answer)),
        Write::Read(sighting, record, id) => Written::Stored(sighting, record, id, parse_stored(answer)),
        Write::Tombstone(id) => Written::Tombstone(id, stored(answer)),
        Write::Activities(batch) => Written::Activities(batch, stored(answer)),
    }
}

fn parse_stored(answer: Result<Message, WriteError>) -> Result<Option<StoredRecord>, WriteError> {
    let message = last_message::answered(answer?)?;
    Ok(message.as_ref().map(StoredRecord::read).transpose()?)
}
