//! Many concurrent requests at low cost.
//!
//! A future per request, with a timer and an entry in the client's table, costs several times as much as its message. Here
//! the answers arrive on one subscription and carry the number of their request, so the caller needs only a table. The
//! caller decides when an unanswered request has failed.

use async_nats::client::PublishError;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::OutboundMessage;
use async_nats::{Message, StatusCode, SubscribeError, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use serde::Deserialize;

use crate::Nats;

/// The number of a request, counted from 0.
pub type Ticket = u64;

/// An answer, or why the client did not send the request.
pub type Answer = (Ticket, Result<Message, PublishError>);

/// Sends requests and receives their answers.
#[derive(Debug)]
pub struct Requests {
    nats: Nats,
    inbox: String,
    answers: Subscriber,
    next: Ticket,
    /// Requests that the client did not send.
    unsent: Vec<Answer>,
}

impl Requests {
    /// The connection.
    #[must_use]
    pub fn nats(&self) -> &Nats {
        &self.nats
    }

    /// Subscribes to the answers. The subscription survives reconnections.
    ///
    /// # Errors
    /// Fails if the client is closed.
    pub async fn new(nats: Nats) -> Result<Self, SubscribeError> {
        let inbox = nats.client().new_inbox();
        let answers = nats.client().subscribe(format!("{inbox}.*")).await?;
        Ok(Self {
            nats,
            inbox,
            answers,
            next: 0,
            unsent: Vec::new(),
        })
    }

    /// Sends a request. Its answer carries the returned ticket.
    pub async fn send(&mut self, message: OutboundMessage) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        let reply = format!("{}.{ticket}", self.inbox);
        let client = self.nats.client();
        let (subject, payload) = (message.subject, message.payload);
        let sent = match message.headers {
            Some(headers) => {
                client
                    .publish_with_reply_and_headers(subject, reply, headers, payload)
                    .await
            }
            None => client.publish_with_reply(subject, reply, payload).await,
        };
        if let Err(error) = sent {
            self.unsent.push((ticket, Err(error)));
        }
        ticket
    }

    /// Waits for an answer. Returns it with all others that have arrived.
    pub async fn answers(&mut self) -> Vec<Answer> {
        if !self.unsent.is_empty() {
            return std::mem::take(&mut self.unsent);
        }
        let Some(first) = self.answers.next().await else {
            // The client is closed, which happens only when the process exits.
            return std::future::pending().await;
        };
        let mut answers = Vec::from_iter(ticketed(first));
        while let Some(Some(message)) = self.answers.next().now_or_never() {
            answers.extend(ticketed(message));
        }
        answers
    }
}

/// An answer with its ticket; `None` if it answers no request.
fn ticketed(message: Message) -> Option<Answer> {
    let (_, ticket) = message.subject.rsplit_once('.')?;
    Some((ticket.parse().ok()?, Ok(message)))
}

/// Why the stream did not store a message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// The last message on the subject is not the expected one, or is about to be another.
    #[error("another message was written first")]
    Occupied,
    /// The stream refuses it, for the reason that the server gives.
    #[error("not taken: {0}")]
    Refused(String),
}

/// The codes of "wrong last sequence"; a cluster has two of them.
const OCCUPIED: [ErrorCode; 2] = [
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE,
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT,
];

/// The part of a publish acknowledgement that is needed here.
#[derive(Deserialize)]
struct Acknowledgement {
    #[serde(default)]
    error: Option<async_nats::jetstream::Error>,
}

/// Reads a stream's acknowledgement.
///
/// # Errors
/// Fails if the stream did not store the message.
pub fn acknowledged(answer: &Message) -> Result<(), NotStored> {
    if answer.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(NotStored::Refused("there is no such stream".to_owned()));
    }
    match serde_json::from_slice(&answer.payload) {
        Ok(Acknowledgement { error: None }) => Ok(()),
        Ok(Acknowledgement { error: Some(error) }) if OCCUPIED.contains(&error.error_code()) => {
            Err(NotStored::Occupied)
        }
        Ok(Acknowledgement { error: Some(error) }) => Err(NotStored::Refused(error.to_string())),
        Err(error) => Err(NotStored::Refused(format!("unreadable answer: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: Option<StatusCode>, payload: &str) -> Message {
        Message {
            subject: "_INBOX_enricher.x.7".into(),
            reply: None,
            payload: payload.to_owned().into(),
            headers: None,
            status,
            description: None,
            length: payload.len(),
        }
    }

    #[test]
    fn an_answer_names_what_it_answers() {
        assert!(matches!(ticketed(answer(None, "")), Some((7, Ok(_)))));
        let mut stray = answer(None, "");
        stray.subject = "_INBOX_enricher.x.y".into();
        assert!(ticketed(stray).is_none());
    }

    #[test]
    fn what_a_stream_says() {
        let said = |payload: &str| acknowledged(&answer(None, payload));
        assert_eq!(said(r#"{"stream":"VISITOR_SESSIONS","seq":7}"#), Ok(()));
        for code in [10071, 10164] {
            let error = format!(
                r#"{{"error":{{"code":400,"err_code":{code},"description":"wrong last sequence: 3"}},"stream":"S","seq":0}}"#
            );
            assert_eq!(said(&error), Err(NotStored::Occupied), "{error}");
        }
        let full = r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}"#;
        assert!(
            matches!(said(full), Err(NotStored::Refused(words)) if words.contains("maximum bytes exceeded"))
        );
        assert!(matches!(said("no JSON"), Err(NotStored::Refused(_))));
        let nobody = answer(Some(StatusCode::NO_RESPONDERS), "");
        assert!(matches!(acknowledged(&nobody), Err(NotStored::Refused(_))));
    }
}
