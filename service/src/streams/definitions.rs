//! Creates the streams, buckets and the consumer.
//!
//! The first process creates what it needs. After a restart of NATS, which loses the streams in memory, they are created
//! again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{
    ConsumerInfoErrorKind, CreateStreamError, GetStreamError, UpdateStreamError,
};
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{ConsumerError, Stream};
use futures_util::FutureExt as _;
use protocol::stream;

use crate::nats::Nats;
use crate::process::flags::Common;
use crate::streams::reconcile::{self, Difference, Plan};
use crate::streams::settings::{StreamKind, application};
use crate::streams::watch::{CHECK_INTERVAL, NO_LEADER, has_leader};
use crate::telemetry::health::Health;

/// The part's name in [`Health`].
pub const REJECTED_PART: &str = "rejected stream";

/// How long an enricher may hold a message without progress before NATS redelivers it.
pub const ACK_WAIT: Duration = Duration::from_secs(6);

/// How long a notifier may hold a message without progress before NATS redelivers it.
pub const NOTIFIER_ACK_WAIT: Duration = Duration::from_secs(30);

/// Maximum number of messages that notifiers hold while they wait for a receiver.
const MAX_UNACKED_ARRIVALS: i64 = 20_000;

/// The minimum time between two updates of a stream's settings.
const UPDATE_INTERVAL: Duration = Duration::from_mins(1);

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
    /// NATS does not answer, or did not create it.
    #[error(transparent)]
    NotMade(#[from] CreateStreamError),
    /// NATS did not return its settings.
    #[error(transparent)]
    Unread(#[from] GetStreamError),
    /// It stores nothing, and what a server tells of it may be old.
    #[error("{name} does not answer: {reason}", name = .0, reason = NO_LEADER)]
    NoLeader(String),
    /// A stream of that name has a setting that cannot be changed.
    #[error("{name} has another setting: {difference}; delete it, and it is created again")]
    Unfit {
        /// The stream.
        name: String,
        /// The setting.
        difference: Difference,
    },
    /// NATS does not change the settings of a stream.
    #[error("{name} has other settings, and NATS does not change them: {differences} ({source})")]
    NotChanged {
        /// The stream.
        name: String,
        /// What they are and what they should be.
        differences: String,
        /// Why not.
        source: UpdateStreamError,
    },
}

/// The streams. Missing ones are created.
#[derive(Clone, Debug)]
pub struct Streams {
    nats: Nats,
    flags: Arc<Common>,
    /// When each stream was last brought to the configured settings.
    updated: Arc<Mutex<BTreeMap<String, Instant>>>,
}

impl Streams {
    /// Creates it with the storage, copies and limits of the flags.
    #[must_use]
    pub fn new(nats: Nats, flags: &Common) -> Self {
        Self {
            nats,
            flags: Arc::new(flags.clone()),
            updated: Arc::default(),
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

    /// Ensures that `VISITOR_REJECTED` exists, because rejected messages are published without an acknowledgement.
    pub async fn keep_rejected(self, health: Health) {
        loop {
            let epoch = self.nats.connected().await;
            match self.rejected().await {
                Ok(_) => health.ok(REJECTED_PART),
                // The connection's part in health reports that.
                Err(_) if self.nats.lost(epoch).now_or_never().is_some() => {}
                Err(error) => health.failing(REJECTED_PART, error.to_string()),
            }
            tokio::time::sleep(CHECK_INTERVAL).await;
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
        // An existing consumer keeps its starting point.
        if let Ok(consumer) = sessions.get_consumer::<pull::Config>(stream::NOTIFIER).await {
            return Ok(consumer);
        }
        let config = pull::Config {
            durable_name: Some(stream::NOTIFIER.into()),
            description: Some("How far the notifiers have read the sessions".into()),
            metadata: application(),
            ack_policy: AckPolicy::Explicit,
            ack_wait: NOTIFIER_ACK_WAIT,
            max_ack_pending: MAX_UNACKED_ARRIVALS,
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
        tracing::warn!("the consumer has other settings; updating it");
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

    /// Creates the stream, or brings it to the configured settings. Does the latter at most once a minute, so that processes
    /// with different flags do not change it in turns all the time.
    async fn ensure(&self, kind: StreamKind) -> Result<Stream, StreamError> {
        let config = kind.config(&self.flags);
        let jetstream = self.nats.jetstream();
        let stream = jetstream.get_or_create_stream(config.clone()).await?;
        if !has_leader(stream.cached_info()) {
            return Err(StreamError::NoLeader(config.name));
        }
        let (updated, differences) = match reconcile::plan(&stream.cached_info().config, &config) {
            Plan::Keep => return Ok(stream),
            Plan::Refuse(difference) => {
                return Err(StreamError::Unfit {
                    name: config.name,
                    difference,
                });
            }
            Plan::Update { config, differences } => (config, differences),
        };
        if !self.may_update(&config.name) {
            return Ok(stream);
        }
        let names = differences
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        match jetstream.update_stream(updated.as_ref()).await {
            Ok(_) => tracing::warn!(
                stream = config.name,
                changed = names,
                "a stream had other settings"
            ),
            // A process that may not change the stream leaves that to one that may.
            Err(_) if differences.iter().all(Difference::is_label) => return Ok(stream),
            Err(source) => {
                self.forget_update(&config.name);
                return Err(StreamError::NotChanged {
                    name: config.name,
                    differences: names,
                    source,
                });
            }
        }
        Ok(jetstream.get_stream(&config.name).await?)
    }

    /// Whether the stream was not updated within the last minute. If so, it counts as updated now.
    fn may_update(&self, name: &str) -> bool {
        let mut updated = self.updated.lock().unwrap_or_else(PoisonError::into_inner);
        let may = updated.get(name).is_none_or(|at| at.elapsed() >= UPDATE_INTERVAL);
        if may {
            updated.insert(name.to_owned(), Instant::now());
        }
        may
    }

    fn forget_update(&self, name: &str) {
        let mut updated = self.updated.lock().unwrap_or_else(PoisonError::into_inner);
        updated.remove(name);
    }
}

fn enricher_config() -> pull::Config {
    pull::Config {
        durable_name: Some(stream::ENRICHER.into()),
        description: Some("Shared by all enrichers".into()),
        metadata: application(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        // Messages that wait for the Deanonymizer are pending too; the enrichers limit their number themselves.
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
