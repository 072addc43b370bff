//! Many publishes under way at once, at the price of a few.
//!
//! A future for each publish, with a timer and a place in the client's table of requests, costs several times what the
//! message costs. Here the acknowledgements come on one subscription and name what they answer by a number, so that the
//! caller keeps a plain table of what is under way. It is the caller who gives up on what stays unanswered.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::OutboundMessage;
use async_nats::{Message, StatusCode, SubscribeError, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use serde::Deserialize;

use crate::Nats;

/// The code of [`ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT`] and of its sibling, which a stream without replicas
/// answers.
const OCCUPIED: [ErrorCode; 2] = [
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE,
    ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT,
];

/// Names a message until its stream has answered; they count up from 0.
pub type Ticket = u64;

/// What a stream says to a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has it.
    Stored,
    /// Another message stands on the subject than the one that was expected, or is about to.
    Occupied,
    /// It does not take it; the words are the server's.
    Refused(String),
}

/// Publishes, and tells what the streams answer.
#[derive(Debug)]
pub struct Writer {
    nats: Nats,
    inbox: String,
    answers: Subscriber,
    next: Ticket,
    /// What the client did not take.
    unsent: Vec<(Ticket, Answer)>,
}

impl Writer {
    /// Subscribes to the answers; that holds through reconnections.
    ///
    /// # Errors
    /// Where the client has ended.
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

    /// Hands a message over to the client. Its answer comes with the ticket; so does the reason, where the client does not
    /// take it.
    pub async fn send(&mut self, message: OutboundMessage) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        let reply = format!("{}.{ticket}", self.inbox);
        let headers = message.headers.unwrap_or_default();
        let sent = self
            .nats
            .client()
            .publish_with_reply_and_headers(message.subject, reply, headers, message.payload)
            .await;
        if let Err(error) = sent {
            self.unsent.push((ticket, Answer::Refused(error.to_string())));
        }
        ticket
    }

    /// Waits for an answer. Gives it, and all others that are there by then.
    pub async fn answers(&mut self) -> Vec<(Ticket, Answer)> {
        if !self.unsent.is_empty() {
            return std::mem::take(&mut self.unsent);
        }
        let Some(first) = self.answers.next().await else {
            // The client has ended, as happens only while the process ends.
            return std::future::pending().await;
        };
        let mut answers = Vec::from_iter(read(&first));
        while let Some(Some(message)) = self.answers.next().now_or_never() {
            answers.extend(read(&message));
        }
        answers
    }
}

/// The answer in a message, and what it is to; none where nothing of ours was answered.
fn read(message: &Message) -> Option<(Ticket, Answer)> {
    let (_, ticket) = message.subject.rsplit_once('.')?;
    Some((ticket.parse().ok()?, answer(message.status, &message.payload)))
}

/// What a stream answers, as far as it matters here.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    error: Option<async_nats::jetstream::Error>,
}

fn answer(status: Option<StatusCode>, payload: &[u8]) -> Answer {
    if status == Some(StatusCode::NO_RESPONDERS) {
        return Answer::Refused("there is no such stream".to_owned());
    }
    match serde_json::from_slice(payload) {
        Ok(Reply { error: None }) => Answer::Stored,
        Ok(Reply { error: Some(error) }) if OCCUPIED.contains(&error.error_code()) => Answer::Occupied,
        Ok(Reply { error: Some(error) }) => Answer::Refused(error.to_string()),
        Err(error) => Answer::Refused(format!("an answer that is none: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stream_says() {
        let said = |payload: &str| answer(None, payload.as_bytes());
        assert_eq!(said(r#"{"stream":"VISITOR_SESSIONS","seq":7}"#), Answer::Stored);
        for code in [10071, 10164] {
            let error = format!(
                r#"{{"error":{{"code":400,"err_code":{code},"description":"wrong last sequence: 3"}},"stream":"S","seq":0}}"#
            );
            assert_eq!(said(&error), Answer::Occupied, "{error}");
        }
        let full = r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}"#;
        assert!(matches!(said(full), Answer::Refused(words) if words.contains("maximum bytes exceeded")));
        assert!(matches!(said("no JSON"), Answer::Refused(_)));
        assert!(matches!(
            answer(Some(StatusCode::NO_RESPONDERS), b""),
            Answer::Refused(_)
        ));
    }
}
