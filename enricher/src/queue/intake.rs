//! Reads the work queue, and reconnects whenever that fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use futures_util::{FutureExt as _, StreamExt as _};
use protocol::stream;
use service::backoff::Backoff;
use service::health::Health;
use service::incarnation::Change;
use service::stream_watch::{StateCheck, StreamFault, StreamWatch};
use service::streams::Streams;
use service::{Nats, clock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// The part's name in [`Health`].
pub const PART: &str = "work queue";

/// Messages per batch. Each message holds up to 256 events.
const MESSAGES_AT_ONCE: usize = 64;

/// The interval of the heartbeats of a quiet queue. The consumer is opened again after two missed ones.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Input from the queue.
pub enum Intake {
    /// The streams are ready, after the start or a lost connection.
    Connected {
        /// Whether the stream of sessions was replaced by an empty one.
        sessions_lost: bool,
    },
    Delivery(Box<Message>),
}

/// Reads the work queue.
pub struct Queue {
    nats: Nats,
    streams: Streams,
    stale_after: Duration,
    health: Health,
    metrics: Arc<Metrics>,
    raw: StreamWatch,
    sessions: StreamWatch,
    activity: StreamWatch,
}

impl Queue {
    /// A reader that creates missing streams; `stale_after` sets how long activities are kept.
    pub fn new(
        nats: Nats,
        streams: Streams,
        stale_after: Duration,
        health: Health,
        metrics: Arc<Metrics>,
    ) -> Self {
        let watch = |name| StreamWatch::new(nats.clone(), name);
        Self {
            raw: watch(stream::RAW),
            sessions: watch(stream::SESSIONS),
            activity: watch(stream::ACTIVITY),
            nats,
            streams,
            stale_after,
            health,
            metrics,
        }
    }

    /// Reads until `shutdown`. Gives messages back to the queue that were fetched but not taken by then.
    pub async fn run(mut self, intake: mpsc::Sender<Intake>, shutdown: CancellationToken) {
        let mut backoff = Backoff::for_nats();
        while !shutdown.is_cancelled() {
            let ended = tokio::select! {
                () = shutdown.cancelled() => return,
                ended = self.one_connection(&intake, &shutdown) => ended,
            };
            match ended {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    self.health.failing(PART, format!("{error:#}"));
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = tokio::time::sleep(backoff.next_delay()) => {}
                    }
                }
            }
        }
    }

    /// Reads until the connection is lost or the process stops. Fails if a stream or the consumer fails.
    async fn one_connection(
        &mut self,
        intake: &mpsc::Sender<Intake>,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let epoch = self.nats.connected().await;
        let (mut messages, sessions_lost) = match self.prepare().await {
            Ok(prepared) => prepared,
            Err(error) => {
                self.nats.leave_unresponsive_server(epoch).await;
                return Err(error);
            }
        };
        self.health.ok(PART);
        intake.send(Intake::Connected { sessions_lost }).await?;
        let nats = self.nats.clone();
        let mut lost = std::pin::pin!(nats.lost(epoch));
        let mut check = std::pin::pin!(self.check());
        loop {
            tokio::select! {
                () = &mut lost => return Ok(()),
                found = &mut check => {
                    if let Err(fault) = self.evaluate(found) {
                        if matches!(fault.fault, StreamFault::Unanswered(_)) {
                            self.nats.leave_unresponsive_server(epoch).await;
                        }
                        return Err(fault.into());
                    }
                    check.set(self.check());
                }
                () = shutdown.cancelled() => {
                    give_back(&mut messages).await;
                    return Ok(());
                }
                message = messages.next() => match message {
                    Some(message) => intake.send(Intake::Delivery(Box::new(message?))).await?,
                    None => anyhow::bail!("the queue has ended"),
                }
            }
        }
    }

    /// Creates missing streams, and starts to read.
    async fn prepare(&mut self) -> anyhow::Result<(pull::Stream, bool)> {
        self.streams.rejected().await?;
        clock::known().await;
        self.activity
            .begin(&self.streams.activity(self.stale_after).await?);
        let sessions = self.sessions.begin(&self.streams.sessions().await?);
        let sessions_lost = sessions != Change::Same;
        let raw = self.streams.raw().await?;
        self.raw.begin(&raw);
        let consumer = self.streams.enricher(&raw).await?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(MESSAGES_AT_ONCE)
            .heartbeat(HEARTBEAT)
            .messages()
            .await?;
        Ok((messages, sessions_lost))
    }

    /// Checks every stream and the consumer, after a pause.
    fn check(&self) -> impl Future<Output = Found> + Send + use<> {
        let metrics = Arc::clone(&self.metrics);
        let (nats, streams) = (self.nats.clone(), self.streams.clone());
        let raw = self.raw.check(|| 0);
        let sessions = self
            .sessions
            .check(move || metrics.records_out.load(Ordering::Relaxed));
        let activity = self.activity.check(|| 0);
        async move {
            let (raw, sessions, activity) = tokio::join!(raw, sessions, activity);
            Found {
                raw,
                sessions,
                activity,
                consumer_is_fit: streams.enricher_is_fit(&nats).await,
            }
        }
    }

    fn evaluate(&mut self, found: Found) -> Result<(), QueueFault> {
        let of = |name| move |fault| QueueFault { name, fault };
        self.raw.evaluate(found.raw).map_err(of(stream::RAW))?;
        self.sessions
            .evaluate(found.sessions)
            .map_err(of(stream::SESSIONS))?;
        self.activity
            .evaluate(found.activity)
            .map_err(of(stream::ACTIVITY))?;
        if found.consumer_is_fit {
            Ok(())
        } else {
            Err(of(stream::ENRICHER)(StreamFault::Missing))
        }
    }
}

/// The state of every stream and of the consumer.
struct Found {
    raw: StateCheck,
    sessions: StateCheck,
    activity: StateCheck,
    consumer_is_fit: bool,
}

/// A stream or the consumer is missing or misconfigured, or does not answer.
#[derive(Debug, thiserror::Error)]
#[error("{name} {fault}")]
struct QueueFault {
    name: &'static str,
    fault: StreamFault,
}

async fn give_back(messages: &mut pull::Stream) {
    while let Some(Some(Ok(message))) = messages.next().now_or_never() {
        crate::queue::delivery::give_back(&message, Duration::ZERO).await;
    }
}
