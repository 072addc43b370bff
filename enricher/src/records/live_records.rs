//! Checks published records against this enricher's rules: hides or redacts those that other rules let pass.
//!
//! Checks all records once after each connection, and new ones for as long as an enricher with other rules is heard.
//! At other times only the writer checks a record (ADR 14).

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use protocol::stream::{RECORD_TTL, SESSIONS};
use protocol::{Profile, Record, SessionMessage, Tombstone};
use service::backoff::Backoff;
use service::health::Health;
use service::incarnation::Change;
use service::stream_watch::{StreamFault, StreamWatch};
use service::streams::{Streams, consumer_after};
use service::{Nats, clock, last_message};
use tokio::time::{Instant, sleep_until};

use crate::address_key::AddressHasher;
use crate::filter::rules::{Check, Rules};
use crate::lookup::cache::local::LocalCache;
use crate::metrics::Metrics;
use crate::records::message;
use crate::records::peers::OtherRules;
use crate::records::stream_capacity::StreamCapacity;
use crate::verdict::Verdict;

/// The part's name in [`Health`].
pub const PART: &str = "live records";

/// How long new records are checked after a connection, and after an enricher with other rules was last heard. By then
/// its writes have ended, and gateways have put back a lost stream.
const FOLLOW_FOR: Duration = Duration::from_secs(30);

/// Maximum number of records that are checked and written at once.
const AT_ONCE: usize = 256;
const WRITES_AT_ONCE: usize = 64;

/// Checks published records.
pub struct LiveRecords {
    pub rules: Arc<Rules>,
    pub hasher: AddressHasher,
    pub local_cache: LocalCache,
    pub others: OtherRules,
    pub nats: Nats,
    pub streams: Streams,
    pub capacity: StreamCapacity,
    pub health: Health,
    pub metrics: Arc<Metrics>,
}

/// How far the stream was read, and its state.
struct Position {
    watch: StreamWatch,
    read: u64,
}

impl LiveRecords {
    /// Checks until the process ends.
    pub async fn run(self) {
        let mut backoff = Backoff::for_nats();
        let mut position = Position {
            watch: StreamWatch::new(self.nats.clone(), SESSIONS),
            read: 0,
        };
        loop {
            match self.one_connection(&mut position).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    self.health.failing(PART, format!("{error:#}"));
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }

    /// Checks until the connection is lost. Fails if the stream fails.
    async fn one_connection(&self, position: &mut Position) -> anyhow::Result<()> {
        let epoch = self.nats.connected().await;
        let mut lost = std::pin::pin!(self.nats.lost(epoch));
        loop {
            tokio::select! {
                () = &mut lost => return Ok(()),
                followed = self.follow(position) => followed?,
            }
            let mut others = self.others.clone();
            tokio::select! {
                () = &mut lost => return Ok(()),
                () = others.heard() => {}
                fault = next_fault(&mut position.watch) => return Err(fault.into()),
            }
        }
    }

    /// Checks the records that were not read yet, and new ones for a while.
    async fn follow(&self, position: &mut Position) -> anyhow::Result<()> {
        let stream = self.streams.sessions().await?;
        let Position { watch, read } = position;
        if watch.begin(&stream) != Change::Same {
            *read = 0;
        }
        let config = consumer_after(
            &self.nats,
            *read,
            "Records that an enricher checks against its rules",
        );
        let mut messages = stream.create_consumer(config).await?.messages().await?;
        let mut until = Instant::now() + FOLLOW_FOR;
        self.health.ok(PART);
        let mut fault = std::pin::pin!(next_fault(watch));
        loop {
            let first = tokio::select! {
                message = messages.next() => message,
                fault = &mut fault => return Err(fault.into()),
                () = sleep_until(until) => {
                    if !self.others.heard_within(FOLLOW_FOR) {
                        return Ok(());
                    }
                    until = Instant::now() + FOLLOW_FOR;
                    continue;
                }
            };
            let mut chunk = vec![first.ok_or_else(|| anyhow::anyhow!("the stream has ended"))??];
            while chunk.len() < AT_ONCE
                && let Some(Some(message)) = messages.next().now_or_never()
            {
                chunk.push(message?);
            }
            *read = self.check_all(chunk).await?.max(*read);
        }
    }

    /// Returns the last sequence.
    async fn check_all(&self, messages: Vec<Message>) -> anyhow::Result<u64> {
        let checks = messages.into_iter().map(|message| self.check(message));
        stream::iter(checks)
            .buffer_unordered(WRITES_AT_ONCE)
            .try_fold(0, async |last: u64, sequence| Ok(last.max(sequence)))
            .await
    }

    /// Hides or redacts the record if the rules demand it. If another message replaces it meanwhile, that one is
    /// checked in its turn.
    async fn check(&self, message: Message) -> anyhow::Result<u64> {
        let sequence = message
            .info()
            .map_err(|error| anyhow::anyhow!(error))?
            .stream_sequence;
        // The gateway rejects messages that cannot be read.
        let Ok(SessionMessage::Record(record)) = serde_json::from_slice(&message.payload) else {
            return Ok(sequence);
        };
        match self.verdict(&record).await {
            Check::Unchanged => {}
            Check::Hide => {
                let tombstone = Tombstone {
                    guid: record.guid,
                    closed_at: clock::now(),
                    received_at: record.received_at,
                    hidden: true,
                    ttl: self.capacity.tombstone_ttl(),
                };
                let message = message::tombstone(&tombstone, Some(sequence), None)?;
                if self.nats.replace(message).await?.is_some() {
                    self.metrics.records_hidden.inc();
                }
            }
            Check::Redact(profile) => {
                let ttl = message
                    .headers
                    .as_ref()
                    .and_then(last_message::ttl)
                    .unwrap_or(RECORD_TTL);
                let record = redacted(record, profile);
                let message = message::record(&record, sequence, ttl, None)?;
                if self.nats.replace(message).await?.is_some() {
                    self.metrics.records_redacted.inc();
                }
            }
        }
        Ok(sequence)
    }

    /// What the rules demand for a record. An unidentified record is judged by the cached verdict on its address.
    async fn verdict(&self, record: &Record) -> Check {
        if !record.unidentified {
            return self.rules.check_record(record);
        }
        let found = self.local_cache.get(self.hasher.key(&record.ip)).await;
        match found.map(|found| found.verdict == Verdict::Hidden) {
            Some(true) => Check::Hide,
            Some(false) | None => Check::Unchanged,
        }
    }
}

/// Watches the stream until it fails. Other parts notice when NATS does not answer.
async fn next_fault(watch: &mut StreamWatch) -> StreamFault {
    loop {
        let check = watch.check(|| 0).await;
        match watch.evaluate(check) {
            Ok(_) | Err(StreamFault::Unanswered(_)) => {}
            Err(fault) => return fault,
        }
    }
}

/// The record with the profile that may be shown. It counts as a later lookup, so that it wins over the record before.
fn redacted(record: Record, profile: Profile) -> Record {
    let before = record.identified_at.unwrap_or(record.received_at);
    Record {
        profile,
        identified_at: Some(clock::now().max(before + 1)),
        ..record
    }
}
