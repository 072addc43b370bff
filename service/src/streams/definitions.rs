//! The settings of streams, buckets and the consumer.
//!
//! The first process creates what it needs. After a restart of NATS, which loses the streams in memory, they are created
//! again.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, CreateStreamError};
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, Stream};
use async_nats::jetstream::stream::{ConsumerError, StorageType};
use futures_util::FutureExt as _;
use protocol::{stream, subject};

use crate::nats::Nats;
use crate::process::flags::StreamLimits;
use crate::streams::watch::LOOK_INTERVAL;
use crate::telemetry::health::Health;

/// The part's name in [`Health`].
pub const REJECTED_PART: &str = "rejected stream";

/// How long an enricher may hold a message without progress before NATS redelivers it.
pub const ACK_WAIT: Duration = Duration::from_secs(6);

/// The size of the bucket of secrets, for a few short values.
const SECRETS_BYTES: i64 = 1 << 20;

/// Which life of a stream this is: a stream that was lost and made again has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(i128);

/// The life of a stream as it was when the handle was made.
#[must_use]
pub fn life(stream: &Stream) -> Life {
    Life(stream.cached_info().created.unix_timestamp_nanos())
}

/// The free bytes and the size of a stream when the handle was made.
#[must_use]
pub fn room(stream: &Stream) -> (u64, u64) {
    let info = stream.cached_info();
    let all = u64::try_from(info.config.max_bytes).unwrap_or(u64::MAX);
    (all.saturating_sub(info.state.bytes), all)
}

/// A stream cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// NATS does not answer, or does not create it.
    #[error(transparent)]
    NotMade(#[from] CreateStreamError),
    /// A stream of that name has other settings.
    #[error("{name} has other settings: {difference}; delete it, and it is created again")]
    Unfit {
        /// The stream.
        name: String,
        /// The first setting that differs.
        difference: &'static str,
    },
}

/// The streams, made where they are missing.
#[derive(Clone, Debug)]
pub struct Streams {
    nats: Nats,
    replicas: usize,
    limits: StreamLimits,
}

impl Streams {
    /// With `replicas` copies of each.
    #[must_use]
    pub fn new(nats: Nats, replicas: u8, limits: StreamLimits) -> Self {
        Self {
            nats,
            replicas: replicas.into(),
            limits,
        }
    }

    /// `VISITOR_RAW`, a work queue.
    ///
    /// # Errors
    /// Fails if NATS does not answer, or has a stream of that name with other settings.
    pub async fn raw(&self) -> Result<Stream, StreamError> {
        self.ensure(Config {
            name: stream::RAW.into(),
            description: Some("The emitter's events until an enricher has handled them".into()),
            subjects: vec![subject::RAW.into()],
            retention: RetentionPolicy::WorkQueue,
            max_age: stream::RAW_MAX_AGE,
            max_bytes: bytes(self.limits.raw_mib),
            // A full queue refuses new events, which then wait in the ingestors, instead of dropping its oldest silently.
            discard: DiscardPolicy::New,
            ..Config::default()
        })
        .await
    }

    /// `VISITOR_SESSIONS`: the last message of each session.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn sessions(&self) -> Result<Stream, StreamError> {
        self.ensure(Config {
            name: stream::SESSIONS.into(),
            description: Some("The record or tombstone of each session: the view".into()),
            subjects: vec![subject::SESSIONS.into()],
            max_messages_per_subject: 1,
            max_bytes: bytes(self.limits.sessions_mib),
            // At the limit no message may be dropped, because it may be the record of a live session. A message can still
            // replace one on its subject that is as large or larger, as a tombstone does.
            discard: DiscardPolicy::New,
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
    pub async fn activity(&self, stale_after: Duration) -> Result<Stream, StreamError> {
        self.ensure(Config {
            name: stream::ACTIVITY.into(),
            description: Some("Last activities of sessions whose record is out".into()),
            subjects: vec![subject::ACTIVITIES.into()],
            max_age: stale_after * 2,
            max_bytes: bytes(self.limits.activity_mib),
            ..Config::default()
        })
        .await
    }

    /// `VISITOR_REJECTED`: what could not be used.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn rejected(&self) -> Result<Stream, StreamError> {
        self.ensure(Config {
            name: stream::REJECTED.into(),
            description: Some("What could not be used, with the reason".into()),
            subjects: vec![subject::REJECTED.into()],
            max_age: Duration::from_hours(1),
            max_messages: 10_000,
            max_bytes: bytes(self.limits.rejected_mib),
            ..Config::default()
        })
        .await
    }

    /// Keeps `VISITOR_REJECTED` existing, because rejected messages are published without an acknowledgement.
    pub async fn keep_rejected(self, health: Health) {
        loop {
            let epoch = self.nats.connected().await;
            match self.rejected().await {
                Ok(_) => health.ok(REJECTED_PART),
                // The part of the connection reports that.
                Err(_) if self.nats.lost(epoch).now_or_never().is_some() => {}
                Err(error) => health.failing(REJECTED_PART, error.to_string()),
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// The bucket `visitor_profiles`.
    ///
    /// # Errors
    /// Fails if NATS does not answer.
    pub async fn profiles(&self) -> anyhow::Result<kv::Store> {
        let description = "Filtered profile or verdict for each IP, and lookup leases";
        self.ensure(bucket(
            stream::PROFILES,
            description,
            bytes(self.limits.profiles_mib),
        ))
        .await?;
        Ok(self.nats.jetstream().get_key_value(stream::PROFILES).await?)
    }

    /// The bucket `visitor_secrets`, as a stream.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn secrets(&self) -> Result<Stream, StreamError> {
        let description = "What only enrichers may read";
        self.ensure(bucket(stream::SECRETS, description, SECRETS_BYTES))
            .await
    }

    /// The durable consumer of `raw` that all enrichers share. Other settings are replaced by ours where NATS can change
    /// them.
    ///
    /// # Errors
    /// Fails if NATS does not answer.
    pub async fn enricher(&self, raw: &Stream) -> Result<PullConsumer, ConsumerError> {
        let config = enricher_config();
        let consumer = raw
            .get_or_create_consumer(stream::ENRICHER, config.clone())
            .await?;
        if is_fit(&consumer.cached_info().config, &config) {
            return Ok(consumer);
        }
        tracing::warn!("the consumer has other settings, updating it");
        raw.create_consumer(config).await
    }

    /// Whether the shared consumer exists with the settings that enrichers need. True if NATS does not answer.
    pub async fn enricher_is_fit(&self, nats: &Nats) -> bool {
        let Ok(raw) = nats.jetstream().get_stream_no_info(stream::RAW).await else {
            return true;
        };
        match raw.consumer_info(stream::ENRICHER).await {
            Ok(info) => is_fit(&info.config, &enricher_config()),
            Err(error) => error.kind() != ConsumerInfoErrorKind::NotFound,
        }
    }

    async fn ensure(&self, config: Config) -> Result<Stream, StreamError> {
        let config = Config {
            storage: StorageType::Memory,
            num_replicas: self.replicas,
            ..config
        };
        let stream = self.nats.jetstream().get_or_create_stream(config.clone()).await?;
        match lacking(&stream.cached_info().config, &config) {
            None => Ok(stream),
            Some(difference) => Err(StreamError::Unfit {
                name: config.name,
                difference,
            }),
        }
    }
}

/// The first setting without which the processes cannot rely on a stream, if it lacks one.
fn lacking(found: &Config, wanted: &Config) -> Option<&'static str> {
    let differences = [
        (found.subjects != wanted.subjects, "subjects"),
        (found.retention != wanted.retention, "retention"),
        (
            // The server says -1 for the 0 that means no limit.
            found.max_messages_per_subject.max(0) != wanted.max_messages_per_subject.max(0),
            "max_msgs_per_subject",
        ),
        (!found.allow_direct && wanted.allow_direct, "allow_direct"),
        (
            !found.allow_message_ttl && wanted.allow_message_ttl,
            "allow_msg_ttl",
        ),
        (found.no_ack, "no_ack"),
        (found.sealed, "sealed"),
    ];
    let first = differences.into_iter().find(|(differs, _)| *differs)?;
    Some(first.1)
}

fn enricher_config() -> pull::Config {
    pull::Config {
        durable_name: Some(stream::ENRICHER.into()),
        description: Some("Shared by all enrichers".into()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        // Messages that wait for the Deanonymizer are pending too; the enrichers limit them themselves.
        max_ack_pending: -1,
        ..pull::Config::default()
    }
}

/// Whether a consumer does what enrichers need.
fn is_fit(found: &consumer::Config, wanted: &pull::Config) -> bool {
    found.ack_policy == wanted.ack_policy
        && found.ack_wait == wanted.ack_wait
        && found.filter_subject.is_empty()
        && found.filter_subjects.is_empty()
        && found.max_deliver == -1
        && found.max_ack_pending == wanted.max_ack_pending
        && !found.headers_only
}

fn bytes(mib: u32) -> i64 {
    i64::from(mib) << 20
}

/// A KV bucket whose entries have their own TTL. At its limit the oldest entries are dropped: refusing new ones would stop
/// all lookups, because a lookup needs a lease.
fn bucket(name: &str, description: &str, max_bytes: i64) -> Config {
    Config {
        name: format!("KV_{name}"),
        description: Some(description.into()),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        max_bytes,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        allow_message_ttl: true,
        subject_delete_marker_ttl: Some(Duration::from_mins(1)),
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_setting_without_which_a_stream_is_unfit() {
        let wanted = Config {
            subjects: vec![subject::SESSIONS.into()],
            max_messages_per_subject: 1,
            allow_direct: true,
            allow_message_ttl: true,
            ..Config::default()
        };
        assert_eq!(lacking(&wanted, &wanted), None);
        let found = Config {
            allow_message_ttl: false,
            ..wanted.clone()
        };
        assert_eq!(lacking(&found, &wanted), Some("allow_msg_ttl"));
        let found = Config {
            max_messages_per_subject: -1,
            ..wanted.clone()
        };
        assert_eq!(lacking(&found, &wanted), Some("max_msgs_per_subject"));
        let more = Config {
            allow_direct: false,
            ..wanted.clone()
        };
        assert_eq!(lacking(&wanted, &more), None, "more than is needed");
    }
}
