//! `ingestor replay`: sends the rejected messages through the pipeline again, after a fix.

use std::fmt;
use std::process::ExitCode;

use anyhow::Context as _;
use async_nats::HeaderMap;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use protocol::event::RECEIVED_AT_HEADER;
use protocol::rejection::LENGTH_HEADER;
use protocol::{Event, EventKind, stream, subject};
use service::flags::Common;
use service::health::Health;
use service::metrics::Metrics;
use service::{Nats, instance, last_message};

/// How many messages had which outcome.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    replayed: u64,
    useless: u64,
    cut: u64,
    others: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            replayed,
            useless,
            cut,
            others,
        } = self;
        write!(
            f,
            "{replayed} sent through again, {useless} still cannot be used, {cut} were truncated, {others} are not events"
        )
    }
}

/// Whether a rejected message can be replayed.
#[derive(Debug, PartialEq, Eq)]
enum Prospect {
    /// It is a valid event of this kind.
    Usable(EventKind),
    /// It is not a valid event.
    Useless,
    /// It was truncated when it was rejected.
    Cut,
    /// It is not from the emitter. A gateway that is restarted reads its streams again.
    Other,
}

/// Replays, and prints the outcome. Replayed messages are deleted from the stream; others stay until they expire. Waits for
/// NATS.
pub async fn run(flags: &Common) -> ExitCode {
    match replay(flags).await {
        Ok(outcome) => {
            println!("{outcome}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn replay(flags: &Common) -> anyhow::Result<Outcome> {
    let (health, metrics) = (Health::default(), Metrics::new("ingestor"));
    let nats = Nats::connect("ingestor", &instance::name(), flags, &health, &metrics).await?;
    nats.connected().await;
    let rejected = nats.jetstream().get_stream(stream::REJECTED).await;
    let rejected = rejected.context("cannot read the stream of rejected messages")?;
    // Messages that are rejected meanwhile have higher sequences.
    let last = rejected.cached_info().state.last_sequence;
    let mut outcome = Outcome::default();
    let mut sequence = 0;
    while let Some(message) = next(&rejected, sequence + 1).await?
        && message.sequence <= last
    {
        sequence = message.sequence;
        match prospect(&message) {
            Prospect::Usable(kind) => {
                send(&nats, kind, message).await?;
                let deleted = rejected.delete_message(sequence).await;
                deleted.context("cannot delete a replayed message")?;
                outcome.replayed += 1;
            }
            Prospect::Useless => outcome.useless += 1,
            Prospect::Cut => outcome.cut += 1,
            Prospect::Other => outcome.others += 1,
        }
    }
    Ok(outcome)
}

/// The first message with at least this sequence.
async fn next(rejected: &Stream, sequence: u64) -> anyhow::Result<Option<StreamMessage>> {
    match rejected
        .get_first_raw_message_by_subject(subject::REJECTED, sequence)
        .await
    {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(error).context("cannot read a rejected message"),
    }
}

fn prospect(message: &StreamMessage) -> Prospect {
    let process = message.subject.split('.').nth(2);
    if !matches!(process, Some("ingestor" | "enricher")) {
        return Prospect::Other;
    }
    let length = message.headers.get(LENGTH_HEADER);
    if length.is_some_and(|length| length.as_str() != message.payload.len().to_string()) {
        return Prospect::Cut;
    }
    match Event::parse(&message.payload) {
        Ok(event) => Prospect::Usable(event.kind),
        Err(_) => Prospect::Useless,
    }
}

/// Sends an event as if it had been received when it was rejected.
async fn send(nats: &Nats, kind: EventKind, message: StreamMessage) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(
        RECEIVED_AT_HEADER,
        last_message::timestamp(message.time).to_string(),
    );
    let event = PublishMessage::build()
        .headers(headers)
        .payload(message.payload)
        .outbound_message(subject::raw(kind));
    nats.publish(event)
        .await
        .context("the raw stream did not accept an event")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::datetime::DateTime;

    const EVENT: &str =
        r#"{"eventType":"keep-alive","ip":"::1","guid":"a","timestamp":"2025-03-03T04:04:01.984Z"}"#;

    fn message(process: &str, payload: &'static str, length: usize) -> StreamMessage {
        let mut headers = HeaderMap::new();
        headers.insert(LENGTH_HEADER, length.to_string());
        StreamMessage {
            subject: format!("visitor.rejected.{process}.not-json").into(),
            sequence: 1,
            headers,
            payload: payload.into(),
            time: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_whole_events_are_sent_through_again() {
        for process in ["ingestor", "enricher"] {
            let usable = message(process, EVENT, EVENT.len());
            assert_eq!(prospect(&usable), Prospect::Usable(EventKind::KeepAlive));
            assert_eq!(prospect(&message(process, "{", 1)), Prospect::Useless);
            assert_eq!(prospect(&message(process, EVENT, 5000)), Prospect::Cut);
        }
        assert_eq!(prospect(&message("gateway", EVENT, EVENT.len())), Prospect::Other);
    }
}
