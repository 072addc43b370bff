//! Creates the streams, buckets and the consumer.
//!
//! The first process creates what it needs. After a restart of NATS, which loses the streams in memory, they are created
//! again.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, CreateStreamError};
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{ConsumerError, Stream};
use futures_util::FutureExt as _;
use protocol::stream;

use crate::nats::Nats;
use crate::process::flags::StreamLimits;
use crate::streams::settings::{StreamKind, lacking};
use crate::streams::watch::LOOK_INTERVAL;
use crate::telemetry::health::Health;

/// The part's name in [`Health`].
pub const REJECTED_PART: &str = "rejected stream";

/// How long an enricher may hold a message without progress before NATS redelivers it.
pub const ACK_WAIT: Duration = Duration::from_secs(6);

/// How long a notifier may hold a message without progress before NATS redelivers it.
pub const NOTIFIER_ACK_WAIT: Duration = Duration::from_secs(30);

/// The most messages that notifiers hold because they wait for a receiver.
const MAX_UNTOLD: i64 = 20_000;

/// Identifies an incarnation of a stream. A stream that was lost and created again has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncarnationId(i128);

/// The incarnation of a stream when the handle was made.
#[must_use]
pub fn incarnation_id(stream: &Stream) -> IncarnationId {
    IncarnationId(stream.cached_info().created.unix_timestamp_nanos())
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

/// The streams. Missing ones are created.
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
        self.ensure(StreamKind::Raw).await
    }

    /// `VISITOR_SESSIONS`: the last message of each session.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn sessions(&self) -> Result<Stream, StreamError> {
        self.ensure(StreamKind::Sessions).await
    }

    /// `VISITOR_ACTIVITY`: last activities, for twice as long as a session may be silent.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn activity(&self, stale_after: Duration) -> Result<Stream, StreamError> {
        self.ensure(StreamKind::Activity { stale_after }).await
    }

    /// `VISITOR_REJECTED`: what could not be used.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn rejected(&self) -> Result<Stream, StreamError> {
        self.ensure(StreamKind::Rejected).await
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
        self.ensure(StreamKind::Profiles).await?;
        Ok(self.nats.jetstream().get_key_value(stream::PROFILES).await?)
    }

    /// The bucket `visitor_secrets`, as a stream.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn secrets(&self) -> Result<Stream, StreamError> {
        self.ensure(StreamKind::Secrets).await
    }

    /// The bucket `visitor_notified`, as a stream.
    ///
    /// # Errors
    /// As [`Streams::raw`].
    pub async fn notified(&self) -> Result<Stream, StreamError> {
        self.ensure(StreamKind::Notified).await
    }

    /// The durable consumer of `sessions` that all notifiers share, made if it is missing; then it begins with the next
    /// message, or with the first if `from_first`.
    ///
    /// # Errors
    /// Fails if NATS does not answer.
    pub async fn notifier(&self, sessions: &Stream, from_first: bool) -> Result<PullConsumer, ConsumerError> {
        let deliver_policy = if from_first {
            DeliverPolicy::All
        } else {
            DeliverPolicy::New
        };
        // An existing consumer keeps where it began.
        if let Ok(consumer) = sessions.get_consumer::<pull::Config>(stream::NOTIFIER).await {
            return Ok(consumer);
        }
        let config = pull::Config {
            durable_name: Some(stream::NOTIFIER.into()),
            description: Some("How far the notifiers have read the sessions".into()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: NOTIFIER_ACK_WAIT,
            max_ack_pending: MAX_UNTOLD,
            deliver_policy,
            ..pull::Config::default()
        };
        sessions.get_or_create_consumer(stream::NOTIFIER, config).await
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

    async fn ensure(&self, kind: StreamKind) -> Result<Stream, StreamError> {
        let config = kind.config(self.replicas, &self.limits);
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
