//! Publishes records, tombstones and activities, and tells which of them their streams have.

use async_nats::SubscribeError;
use async_nats::jetstream::message::OutboundMessage;
use protocol::time::millis;
use protocol::{Activity, Millis, Record, Tombstone, subject};
use service::streams::ACK_WAIT;
use service::trace::Span;
use service::writer::Answer;
use service::{Nats, Writer, clock};

use crate::ledger::DeliveryId;
use crate::message;
use crate::sessions::Sighting;
use crate::writes::{Write, Writes};

/// How long a stream may take to answer, in ms; within the time after which the queue gives a message to another.
const PATIENCE: Millis = millis(ACK_WAIT) - 1_000;

/// What became of a write.
pub type Written = (Write, Result<(), NotWritten>);

/// A message is not in its stream, as far as one knows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWritten {
    /// Another message stands on the subject than the expected one.
    #[error("another message came first")]
    Occupied,
    /// The stream or the client does not take it.
    #[error("not taken: {0}")]
    Refused(String),
    /// Nothing was said for too long.
    #[error("not answered within {} s", PATIENCE / 1_000)]
    Unanswered,
}

/// Publishes without waiting. Each write comes back with what became of it, unless it is abandoned.
pub struct Publisher {
    writer: Writer,
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
            writer: Writer::new(nats).await?,
            writes: Writes::new(),
            activity_subject: subject::activity(instance),
            unsent: Vec::new(),
        })
    }

    /// Publishes the record of a session of which none should be out; [`NotWritten::Occupied`] where one is.
    pub async fn record(&mut self, sighting: Sighting, record: Record, id: DeliveryId, span: Option<Span>) {
        let message = message::record(&record, 0, span.as_ref());
        self.send(message, Write::Record(sighting, record, id), span)
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
        let answers = self.writer.answers().await;
        let known = |(ticket, answer)| Some((self.writes.answered(ticket)?, outcome(answer)));
        answers.into_iter().filter_map(known).collect()
    }

    /// Gives up on writes that have been unanswered for too long.
    pub fn overdue(&mut self) -> Vec<Written> {
        let overdue = self.writes.overdue(clock::now(), PATIENCE);
        overdue
            .into_iter()
            .map(|write| (write, Err(NotWritten::Unanswered)))
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
                let ticket = self.writer.send(message).await;
                self.writes.sent(ticket, write, span, clock::now());
            }
            Err(error) => self
                .unsent
                .push((write, Err(NotWritten::Refused(error.to_string())))),
        }
    }
}

fn outcome(answer: Answer) -> Result<(), NotWritten> {
    match answer {
        Answer::Stored => Ok(()),
        Answer::Occupied => Err(NotWritten::Occupied),
        Answer::Refused(words) => Err(NotWritten::Refused(words)),
    }
}
