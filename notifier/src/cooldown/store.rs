//! Writes claims to the bucket `visitor_notified`. Every write expects what stands there, so that one notifier wins.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::DirectGetError;
use protocol::stream::NOTIFIED;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::{Nats, clock};

use super::claim::{Claim, CompanyKey};

/// How often a claim is read and written again because others write it at the same time.
const CONFLICTS: usize = 16;

/// The bucket could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not written.
    #[error("the bucket does not acknowledge: {0}")]
    Unacknowledged(#[from] PublishError),
    /// Not read.
    #[error("the bucket cannot be read: {0}")]
    Unreadable(#[from] DirectGetError),
    /// What stands there is none of ours.
    #[error("the bucket holds something else")]
    Invalid,
    /// Others wrote the same key each time between reading and writing it.
    #[error("written by others {CONFLICTS} times in a row")]
    Contended,
}

impl From<serde_json::Error> for StoreError {
    /// Drops the error: it may quote what it could not read.
    fn from(_: serde_json::Error) -> Self {
        Self::Invalid
    }
}

/// What came of an attempt to claim a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The arrival is to be told.
    Ours(u64),
    /// Another arrival is told, or was told lately.
    Theirs(Box<Claim>, u64),
}

/// The bucket. Clones use the same.
#[derive(Clone, Debug)]
pub struct Store {
    nats: Nats,
    cooldown: Duration,
}

impl Store {
    /// Of notifiers that tell each company once per `cooldown`.
    #[must_use]
    pub fn new(nats: Nats, cooldown: Duration) -> Self {
        Self { nats, cooldown }
    }

    /// Claims a company for an arrival, unless a claim stands that covers it.
    ///
    /// # Errors
    /// Fails if it is not certain who has the claim.
    pub async fn claim(&self, key: &CompanyKey, claim: &Claim) -> Result<Claimed, StoreError> {
        let seen_at = claim
            .waiting()
            .map_or(claim.claimed_at, |arrival| arrival.seen_at);
        let mut expected = 0;
        for _ in 0..CONFLICTS {
            if let Some(sequence) = self.write(key, claim, expected).await? {
                return Ok(Claimed::Ours(sequence));
            }
            expected = match self.standing(key).await? {
                // An earlier attempt of ours was written although it seemed to fail.
                (Some(stored), sequence) if stored.id == claim.id && stored.waiting().is_some() => {
                    return Ok(Claimed::Ours(sequence));
                }
                (Some(stored), sequence) if stored.covers(seen_at, self.cooldown) => {
                    return Ok(Claimed::Theirs(Box::new(stored), sequence));
                }
                // Its cool-down is over, or it is the marker of a claim that is gone.
                (_, sequence) => sequence,
            };
        }
        Err(StoreError::Contended)
    }

    /// Notes how far a claim has got. Another claim that stands there by now is left alone.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn note(
        &self,
        key: &CompanyKey,
        claim: &Claim,
        mut expected: u64,
    ) -> Result<Option<u64>, StoreError> {
        for _ in 0..CONFLICTS {
            if let Some(sequence) = self.write(key, claim, expected).await? {
                return Ok(Some(sequence));
            }
            expected = match self.standing(key).await? {
                (Some(stored), sequence) if stored.id == claim.id && stored.waiting().is_some() => sequence,
                // Another notifier has put back an older claim into a bucket that was lost.
                (Some(stored), sequence) if stored.claimed_at < claim.claimed_at => sequence,
                (Some(_), _) => return Ok(None),
                (None, sequence) => sequence,
            };
        }
        Err(StoreError::Contended)
    }

    /// Removes a claim: its arrival is given up, or must not be told. Another claim that stands there by now stays.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn remove(&self, key: &CompanyKey, expected: u64) -> Result<(), StoreError> {
        self.nats.replace(deletion(key.as_str(), expected)).await?;
        Ok(())
    }

    /// Writes a claim if what stands there has the expected sequence; `None` if it has not. Nothing is written of a claim
    /// that is over.
    async fn write(&self, key: &CompanyKey, claim: &Claim, expected: u64) -> Result<Option<u64>, StoreError> {
        let Some(ttl) = claim.ttl(clock::now(), self.cooldown) else {
            return Ok(Some(expected));
        };
        write(&self.nats, key.as_str(), claim, ttl, expected).await
    }

    async fn standing(&self, key: &CompanyKey) -> Result<(Option<Claim>, u64), StoreError> {
        standing(&self.nats, key.as_str()).await
    }
}

/// Writes a value if what stands under the name has the expected sequence; `None` if it has not.
pub(super) async fn write(
    nats: &Nats,
    name: &str,
    value: &impl Serialize,
    ttl: Duration,
    expected: u64,
) -> Result<Option<u64>, StoreError> {
    let message = PublishMessage::build()
        // The server counts in whole seconds.
        .ttl(Duration::from_secs(ttl.as_secs().max(1)))
        .expected_last_subject_sequence(expected)
        .payload(serde_json::to_vec(value)?.into());
    Ok(nats.replace(message.outbound_message(subject(name))).await?)
}

/// What stands under a name, if it is a value, and the sequence of what stands there, 0 for nothing.
pub(super) async fn standing<T: DeserializeOwned>(
    nats: &Nats,
    name: &str,
) -> Result<(Option<T>, u64), StoreError> {
    match nats.last(&format!("KV_{NOTIFIED}"), subject(name)).await? {
        None => Ok((None, 0)),
        Some(message) if is_marker(&message.headers) => Ok((None, message.sequence)),
        // What cannot be read is another release's, and is written over.
        Some(message) => Ok((serde_json::from_slice(&message.payload).ok(), message.sequence)),
    }
}

/// The message that deletes what stands under a name with that sequence.
pub(super) fn deletion(name: &str, expected: u64) -> async_nats::jetstream::message::OutboundMessage {
    PublishMessage::build()
        .header("KV-Operation", "DEL")
        .ttl(Duration::from_mins(1))
        .expected_last_subject_sequence(expected)
        .outbound_message(subject(name))
}

fn subject(name: &str) -> String {
    format!("$KV.{NOTIFIED}.{name}")
}

/// Whether a message says that something is gone: deleted, or expired.
#[must_use]
pub fn is_marker(headers: &HeaderMap) -> bool {
    headers.get("KV-Operation").is_some() || headers.get("Nats-Marker-Reason").is_some()
}
