//! Takes messages from the work queue, and goes on whatever happens to it.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use futures_util::{FutureExt as _, StreamExt as _};
use service::backoff::Backoff;
use service::health::Health;
use service::streams::{Life, Streams, life};
use service::{Nats, clock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The part's name in [`Health`].
pub const PART: &str = "work queue";

/// How many messages are asked for at once; each holds up to 256 events.
const MESSAGES_AT_ONCE: usize = 64;

/// How often a quiet queue says that it is there; when it has not twice, it is asked anew.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// What comes from the queue.
pub enum Intake {
    /// The streams stand, after the start or a lost connection.
    Connected {
        /// Whether the sessions' stream is another than before, and empty.
        sessions_lost: bool,
    },
    /// A message to handle.
    Delivery(Box<Message>),
}

/// Reads the work queue.
pub struct Queue {
    nats: Nats,
    streams: Streams,
    stale_after: Duration,
    health: Health,
    sessions: Option<Life>,
}

impl Queue {
    /// `stale_after` is for the stream of activities, which this may have to make.
    pub fn new(nats: Nats, streams: Streams, stale_after: Duration, health: Health) -> Self {
        Self {
            nats,
            streams,
            stale_after,
            health,
            sessions: None,
        }
    }

    /// Reads until `shutdown`. What was fetched but not taken by then goes back to the queue.
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
                    self.health.trouble(PART, format!("{error:#}"));
                    tokio::select! {
                        () = shutdown.cancelled() => return,
                        () = tokio::time::sleep(backoff.next_delay()) => {}
                    }
                }
            }
        }
    }

    /// Reads until the connection is lost or the process stops; an error is trouble with the streams.
    async fn one_connection(
        &mut self,
        intake: &mpsc::Sender<Intake>,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let epoch = self.nats.connected().await;
        let (mut messages, sessions_lost) = self.prepare().await?;
        self.health.well(PART);
        intake.send(Intake::Connected { sessions_lost }).await?;
        let nats = self.nats.clone();
        let mut lost = std::pin::pin!(nats.lost(epoch));
        loop {
            tokio::select! {
                () = &mut lost => return Ok(()),
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

    /// Makes sure of the streams, and begins to read.
    async fn prepare(&mut self) -> anyhow::Result<(pull::Stream, bool)> {
        self.streams.rejected().await?;
        clock::known().await;
        self.streams.activity(self.stale_after).await?;
        let sessions = life(&self.streams.sessions().await?);
        let sessions_lost = self
            .sessions
            .replace(sessions)
            .is_some_and(|before| before != sessions);
        let raw = self.streams.raw().await?;
        let consumer = self.streams.enricher(&raw).await?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(MESSAGES_AT_ONCE)
            .heartbeat(HEARTBEAT)
            .messages()
            .await?;
        Ok((messages, sessions_lost))
    }
}

async fn give_back(messages: &mut pull::Stream) {
    while let Some(Some(Ok(message))) = messages.next().now_or_never() {
        crate::delivery::give_back(&message, Duration::ZERO).await;
    }
}
