//! The durable consumer of the sessions' stream that all notifiers share: how far the fleet has read.
//!
//! A message is acknowledged once its arrival was announced, or needs no announcement. A notifier that starts learns from
//! the consumer which visits the fleet has handled.

use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, pull};
use futures_util::StreamExt as _;
use protocol::Guid;
use service::backoff::Backoff;
use service::streams::Streams;
use service::{Nats, Process, clock, last_message};
use tokio::sync::mpsc;

use crate::arrivals::Position;
use crate::streams::intake::{Delivery, Intake};

/// The interval of the heartbeats of a quiet stream. The consumer is opened again after two missed ones.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How many messages are fetched at once.
const MESSAGES_AT_ONCE: usize = 256;

/// Reads the shared consumer.
pub struct SharedPosition {
    nats: Nats,
    streams: Streams,
}

impl SharedPosition {
    /// Creates it for the fleet of this process.
    #[must_use]
    pub fn new(process: &Process) -> Self {
        Self {
            nats: process.nats.clone(),
            streams: process.streams.clone(),
        }
    }

    /// Waits until NATS reports how far the fleet has read; `None` if no notifier has run since the stream was created.
    pub async fn first(&self) -> Option<Position> {
        let mut backoff = Backoff::for_nats();
        loop {
            self.nats.connected().await;
            clock::known().await;
            let asked_at = clock::now();
            match self.consumer(false).await {
                Ok(consumer) => {
                    let info = consumer.cached_info();
                    let position = Position {
                        handled: info.ack_floor.stream_sequence,
                        since: last_message::timestamp(info.created),
                    };
                    return (position.since < asked_at).then_some(position);
                }
                Err(error) => {
                    tracing::debug!(%error, "the position of the notifiers is not known yet");
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }

    /// Passes deliveries to `intake`. Never returns.
    pub async fn run(self, intake: mpsc::Sender<Intake>) {
        let mut backoff = Backoff::for_nats();
        loop {
            match self.one_connection(&intake).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    // The stream's part in health reports a lasting failure.
                    tracing::debug!(%error, "the shared consumer cannot be read");
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }

    async fn one_connection(&self, intake: &mpsc::Sender<Intake>) -> anyhow::Result<()> {
        let epoch = self.nats.connected().await;
        let consumer = self.consumer(true).await?;
        let mut messages = consumer
            .stream()
            .heartbeat(HEARTBEAT)
            .max_messages_per_batch(MESSAGES_AT_ONCE)
            .messages()
            .await?;
        let mut lost = std::pin::pin!(self.nats.lost(epoch));
        loop {
            let message = tokio::select! {
                () = &mut lost => return Ok(()),
                message = messages.next() => message.ok_or_else(|| anyhow::anyhow!("the consumer has ended"))??,
            };
            let info = message.info().map_err(|error| anyhow::anyhow!(error))?;
            let sequence = info.stream_sequence;
            let guid = message
                .subject
                .rsplit('.')
                .next()
                .and_then(|guid| Guid::new(guid).ok());
            let delivery = Box::new(Delivery {
                guid,
                sequence,
                message,
            });
            intake.send(Intake::Delivered(delivery)).await?;
        }
    }

    async fn consumer(&self, from_first: bool) -> anyhow::Result<PullConsumer> {
        let stream = self.streams.sessions().await?;
        let consumer: async_nats::jetstream::consumer::Consumer<pull::Config> =
            self.streams.notifier(&stream, from_first).await?;
        Ok(consumer)
    }
}
