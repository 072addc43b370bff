//! The definitions of streams, consumer and bucket, and their making.
//!
//! Whichever process comes first makes what it needs; after a NATS restart, when the memory streams are gone, each makes
//! it again.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::CreateStreamError;
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, Stream};
use async_nats::jetstream::stream::{ConsumerError, StorageType};
use protocol::{stream, subject};

use crate::nats::Nats;

/// How long an enricher may be silent about a message before another gets it.
pub const ACK_WAIT: Duration = Duration::from_secs(6);

/// Which life of a stream this is: a stream that was lost and made again has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(i128);

/// The life of a stream as it was when the handle was made.
#[must_use]
pub fn life(stream: &Stream) -> Life {
    Life(stream.cached_info().created.unix_timestamp_nanos())
}

/// The room in a stream as it was when the handle was made, in bytes: how much is left, and how much there is in all.
#[must_use]
pub fn room(stream: &Stream) -> (u64, u64) {
    let info = stream.cached_info();
    let all = u64::try_from(info.config.max_bytes).unwrap_or(u64::MAX);
    (all.saturating_sub(info.state.bytes), all)
}

/// The streams, made where they are missing.
#[derive(Clone, Debug)]
pub struct Streams {
    nats: Nats,
    replicas: usize,
    raw_bytes: i64,
}

impl Streams {
    /// With `replicas` copies of each, and so much room for raw events.
    #[must_use]
    pub fn new(nats: Nats, replicas: u8, raw_mib: u32) -> Self {
        Self {
            nats,
            replicas: replicas.into(),
            raw_bytes: i64::from(raw_mib) << 20,
        }
    }

    /// `VISITOR_RAW`, a work queue.
    ///
    /// # Errors
    /// Where NATS cannot be asked, or has a stream of that name with other settings.
    pub async fn raw(&self) -> Result<Stream, CreateStreamError> {
        self.ensure(Config {
            name: stream::RAW.into(),
            description: Some("The emitter's events until an enricher has handled them".into()),
            subjects: vec![subject::RAW.into()],
            retention: RetentionPolicy::WorkQueue,
            max_age: stream::RAW_MAX_AGE,
            max_bytes: self.raw_bytes,
            ..Config::default()
        })
        .await
    }

    /// `VISITOR_SESSIONS`: the last message of each session.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn sessions(&self) -> Result<Stream, CreateStreamError> {
        self.ensure(Config {
            name: stream::SESSIONS.into(),
            description: Some("The record or tombstone of each session: the view".into()),
            subjects: vec![subject::SESSIONS.into()],
            max_messages_per_subject: 1,
            allow_direct: true,
            allow_message_ttl: true,
            ..Config::default()
        })
        .await
    }

    /// `VISITOR_ACTIVITY`: last activities, for twice as long as a session may be silent.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn activity(&self, stale_after: Duration) -> Result<Stream, CreateStreamError> {
        self.ensure(Config {
            name: stream::ACTIVITY.into(),
            description: Some("Last activities of sessions whose record is out".into()),
            subjects: vec![subject::ACTIVITIES.into()],
            max_age: stale_after * 2,
            max_bytes: 512 * 1024 * 1024,
            ..Config::default()
        })
        .await
    }

    /// `VISITOR_REJECTED`: what could not be used.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn rejected(&self) -> Result<Stream, CreateStreamError> {
        self.ensure(Config {
            name: stream::REJECTED.into(),
            description: Some("What could not be used, with the reason".into()),
            subjects: vec![subject::REJECTED.into()],
            max_age: Duration::from_hours(1),
            max_messages: 10_000,
            ..Config::default()
        })
        .await
    }

    /// The bucket `visitor_profiles`, and which life of it this is.
    ///
    /// # Errors
    /// Where NATS cannot be asked.
    pub async fn profiles(&self) -> anyhow::Result<(kv::Store, Life)> {
        let config = kv::Config {
            bucket: stream::PROFILES.into(),
            description: "Filtered profile or verdict for each IP, and lookup leases".into(),
            history: 1,
            storage: StorageType::Memory,
            num_replicas: self.replicas,
            limit_markers: Some(Duration::from_mins(1)),
            ..kv::Config::default()
        };
        let bucket = match self.nats.jetstream().get_key_value(stream::PROFILES).await {
            Ok(bucket) => bucket,
            Err(_) => self.nats.jetstream().create_key_value(config).await?,
        };
        let life = life(&bucket.stream);
        Ok((bucket, life))
    }

    /// The durable consumer of `raw` that all enrichers share.
    ///
    /// # Errors
    /// Where NATS cannot be asked.
    pub async fn enricher(&self, raw: &Stream) -> Result<PullConsumer, ConsumerError> {
        let config = pull::Config {
            durable_name: Some(stream::ENRICHER.into()),
            description: Some("Shared by all enrichers".into()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // What waits for the Deanonymizer is pending too; the enrichers bound what they hold themselves.
            max_ack_pending: -1,
            ..pull::Config::default()
        };
        raw.get_or_create_consumer(stream::ENRICHER, config).await
    }

    async fn ensure(&self, config: Config) -> Result<Stream, CreateStreamError> {
        self.nats
            .jetstream()
            .get_or_create_stream(Config {
                storage: StorageType::Memory,
                num_replicas: self.replicas,
                discard: DiscardPolicy::Old,
                ..config
            })
            .await
    }
}
