//! Builds the messages for the streams. Pure.

use std::time::Duration;

use async_nats::jetstream::message::{OutboundMessage, PublishMessage};
use bytes::Bytes;
use protocol::{Activity, Record, Tombstone, subject};
use serde::Serialize;
use service::trace::{self, Span};

use crate::queue::in_flight::DeliveryId;

/// A record that is stored only if the last message on its subject has this sequence, 0 for none.
///
/// # Errors
/// If serialization fails, which no record can cause.
pub fn record(
    record: &Record,
    expected: u64,
    ttl: Duration,
    span: Option<&Span>,
) -> Result<OutboundMessage, serde_json::Error> {
    let message = trace::carried(PublishMessage::build(), span)
        .ttl(ttl)
        .expected_last_subject_sequence(expected)
        .payload(json(record)?);
    Ok(message.outbound_message(subject::session(&record.guid)))
}

/// A tombstone that replaces the message with this sequence or, without one, any message on its session's subject.
///
/// # Errors
/// As [`record`].
pub fn tombstone(
    tombstone: &Tombstone,
    expected: Option<u64>,
    span: Option<&Span>,
) -> Result<OutboundMessage, serde_json::Error> {
    let mut message = trace::carried(PublishMessage::build(), span)
        .ttl(tombstone.ttl)
        .payload(json(tombstone)?);
    if let Some(expected) = expected {
        message = message.expected_last_subject_sequence(expected);
    }
    Ok(message.outbound_message(subject::session(&tombstone.guid)))
}

/// Activities in one message, for the subject of the enricher that publishes them.
///
/// # Errors
/// As [`record`].
pub fn activities(
    activities: &[(Activity, DeliveryId)],
    subject: &str,
    span: Option<&Span>,
) -> Result<OutboundMessage, serde_json::Error> {
    let activities: Vec<_> = activities.iter().map(|(activity, _)| activity).collect();
    let message = trace::carried(PublishMessage::build(), span).payload(json(&activities)?);
    Ok(message.outbound_message(subject.to_owned()))
}

fn json(message: &(impl Serialize + ?Sized)) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(message).map(Into::into)
}
