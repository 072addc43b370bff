//! Reads a stream from its beginning and follows it, across lost connections and lost streams.

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt as _;
use protocol::Timestamp;
use service::backoff::Backoff;
use service::health::Health;
use service::incarnation::Change;
use service::stream_watch::{StreamFault, StreamWatch};
use service::streams::{Streams, messages_after};
use service::{Nats, Process, clock, last_message};
use tokio::sync::{mpsc, watch};

use crate::arrivals::Place;
use crate::streams::intake::{Followed, Intake, Received};

/// Reads one stream.
pub struct Follower {
    followed: Followed,
    nats: Nats,
    streams: Streams,
    health: Health,
    intake: mpsc::Sender<Intake>,
    watch: StreamWatch,
    /// The minimum number of messages that the stream must hold.
    expected: watch::Receiver<u64>,
    /// The last sequence that was read; 0 to read from the beginning.
    read: u64,
}

impl Follower {
    /// Passes messages to `intake`. The stream must hold as many messages as `expected` says.
    #[must_use]
    pub fn new(
        followed: Followed,
        process: &Process,
        intake: mpsc::Sender<Intake>,
        expected: watch::Receiver<u64>,
    ) -> Self {
        Self {
            watch: StreamWatch::new(process.nats.clone(), followed.stream()),
            followed,
            nats: process.nats.clone(),
            streams: process.streams.clone(),
            health: process.health.clone(),
            intake,
            expected,
            read: 0,
        }
    }

    /// Reads the stream, and starts again after every failure. Never returns.
    pub async fn run(mut self) {
        let mut backoff = Backoff::for_nats();
        loop {
            match Box::pin(self.one_connection()).await {
                Ok(()) => {
                    backoff.reset();
                    // What the stream holds is uncertain until it is read again.
                    self.health
                        .failing(self.followed.part(), "the connection was lost");
                }
                Err(error) => {
                    self.health.failing(self.followed.part(), format!("{error:#}"));
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
            // Fails only when the process exits.
            let _ = self.intake.send(Intake::Behind(self.followed)).await;
        }
    }

    /// Reads until the connection is lost.
    async fn one_connection(&mut self) -> anyhow::Result<()> {
        let epoch = self.nats.connected().await;
        let (mut messages, pending, stream) = match self.begin().await {
            Ok(begun) => begun,
            Err(error) => {
                self.nats.leave_unresponsive_server(epoch).await;
                return Err(error);
            }
        };
        let last = stream.cached_info().state.last_sequence;
        let created_at = last_message::timestamp(stream.cached_info().created);
        let mut caught_up = pending == 0;
        if caught_up {
            self.caught_up(created_at).await?;
        } else {
            self.health.failing(self.followed.part(), "catching up");
        }
        let nats = self.nats.clone();
        let mut interrupted = std::pin::pin!(nats.lost(epoch));
        let mut check = std::pin::pin!(self.check(caught_up));
        loop {
            let message = tokio::select! {
                () = &mut interrupted => return Ok(()),
                found = &mut check => {
                    if let Err(fault) = self.watch.evaluate(found) {
                        if matches!(fault, StreamFault::Unanswered(_)) {
                            self.nats.leave_unresponsive_server(epoch).await;
                        }
                        return Err(fault.into());
                    }
                    check.set(self.check(caught_up));
                    continue;
                }
                message = messages.next() => message.ok_or_else(|| anyhow::anyhow!("the stream has ended"))??,
            };
            let pending = self.pass_on(message).await?;
            if !caught_up && (pending == 0 || self.read >= last) {
                caught_up = true;
                self.caught_up(created_at).await?;
            }
        }
    }

    fn check(
        &self,
        caught_up: bool,
    ) -> impl Future<Output = service::stream_watch::StateCheck> + Send + use<> {
        let expected = self.expected.clone();
        self.watch
            .check(move || if caught_up { *expected.borrow() } else { 0 })
    }

    /// Continues after the last message that was read, or starts again if the stream has lost messages. Also returns how
    /// many messages there are to read.
    async fn begin(&mut self) -> anyhow::Result<(pull::Ordered, u64, Stream)> {
        clock::known().await;
        let stream = match self.followed {
            Followed::Sessions => self.streams.sessions().await?,
            Followed::Claims => self.streams.notified().await?,
        };
        if self.watch.begin(&stream) != Change::Same {
            let part = self.followed.part();
            tracing::warn!(part, "the stream has lost its messages");
            self.intake.send(Intake::Lost(self.followed)).await?;
            self.read = 0;
        }
        let (messages, pending) =
            messages_after(&self.nats, &stream, self.read, self.followed.purpose()).await?;
        Ok((messages, pending, stream))
    }

    /// The stream is read to its end. The hub decides whether that makes it ok.
    async fn caught_up(&self, created_at: Timestamp) -> anyhow::Result<()> {
        let followed = self.followed;
        self.intake
            .send(Intake::CaughtUp { followed, created_at })
            .await?;
        Ok(())
    }

    /// Passes on a message, and returns how many more there are.
    async fn pass_on(&mut self, message: Message) -> anyhow::Result<u64> {
        let info = message.info().map_err(|error| anyhow::anyhow!(error))?;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        let published_at = last_message::timestamp(info.published);
        self.read = sequence;
        self.watch.saw(sequence);
        let (message, _) = message.split();
        let headers = message.headers.unwrap_or_default();
        let received = Received {
            followed: self.followed,
            subject: message.subject.to_string(),
            place: Place {
                sequence,
                published_at,
                ttl: last_message::ttl(&headers),
            },
            headers,
            payload: message.payload,
        };
        self.intake.send(Intake::Message(received)).await?;
        Ok(pending)
    }
}
