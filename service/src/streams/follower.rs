//! Reads a stream from its beginning and follows it, across lost connections and lost streams.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::{Info, Stream};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use protocol::Timestamp;

use crate::backoff::Backoff;
use crate::nats::{Nats, last_message};
use crate::process::Process;
use crate::streams::incarnation::Change;
use crate::streams::reading::messages_after;
use crate::streams::watch::{CHECK_INTERVAL, StateCheck, StreamFault, StreamWatch};
use crate::telemetry::health::Health;

/// A message of a stream that is followed.
#[derive(Debug)]
pub struct FollowedMessage {
    /// The message.
    pub message: Message,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was published, by the server's clock.
    pub published_at: Timestamp,
    /// How many messages after it are not read yet.
    pub pending: u64,
    /// Whether the stream held it already when it was connected.
    pub is_replayed: bool,
}

/// What a process does with a stream that a [`Follower`] reads. Its methods fail only when the process exits.
pub trait StreamReader: Send {
    /// The part's name in [`Health`].
    fn part(&self) -> &'static str;

    /// What the consumer is for, as `nats consumer info` shows it.
    fn purpose(&self) -> &'static str;

    /// The stream, created if it is missing. Waits until the server's time is known.
    fn stream(&self) -> impl Future<Output = anyhow::Result<Stream>> + Send;

    /// The stream has lost its messages; those that it holds now follow from the beginning.
    fn lost(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// The next message.
    fn message(&mut self, message: FollowedMessage) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// All messages that the stream held when it was connected have been passed on.
    fn caught_up(&mut self, stream: &Info) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// The stream cannot be read, or has not been read to its end. `lost_connection`: because the connection was lost.
    fn behind(&mut self, lost_connection: bool) -> impl Future<Output = ()> + Send;

    /// Computes how many messages the stream must hold at least, once it has been read to its end.
    fn expected(&self) -> Box<dyn FnOnce() -> u64 + Send>;

    /// Waits until there is a reason to check the stream's state at once.
    fn check_requested(&self) -> BoxFuture<'static, ()> {
        Box::pin(pending())
    }
}

/// Reads one stream.
pub struct Follower<R> {
    reader: R,
    nats: Nats,
    health: Health,
    watch: StreamWatch,
    /// The last sequence that was read; 0 to read from the beginning.
    read: u64,
}

impl<R: StreamReader> Follower<R> {
    /// Passes the messages of the stream with this name to `reader`.
    #[must_use]
    pub fn new(process: &Process, stream: &'static str, reader: R) -> Self {
        Self {
            reader,
            nats: process.nats.clone(),
            health: process.health.clone(),
            watch: StreamWatch::new(process.nats.clone(), stream),
            read: 0,
        }
    }

    /// Reads the stream, and starts again after every failure. Never returns.
    pub async fn run(mut self) {
        let mut backoff = Backoff::for_nats();
        loop {
            let ended = Box::pin(self.one_connection()).await;
            match &ended {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    self.health.failing(self.reader.part(), format!("{error:#}"));
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
            self.reader.behind(ended.is_ok()).await;
        }
    }

    /// Reads until the connection is lost.
    ///
    /// # Errors
    /// Fails if the stream cannot be read.
    async fn one_connection(&mut self) -> anyhow::Result<()> {
        let epoch = self.nats.connected().await;
        let (mut messages, pending, stream) = match self.begin().await {
            Ok(begun) => begun,
            Err(error) => {
                self.nats.leave_unresponsive_server(epoch).await;
                return Err(error);
            }
        };
        let info = stream.cached_info();
        let mut caught_up = pending == 0;
        if caught_up {
            self.reader.caught_up(info).await?;
        } else {
            self.health.failing(self.reader.part(), "catching up");
        }
        let nats = self.nats.clone();
        let mut interrupted = pin!(nats.lost(epoch));
        let mut check_requested = self.reader.check_requested();
        let mut next_check = pin!(self.check(CHECK_INTERVAL, caught_up));
        let mut checks_now = false;
        loop {
            let message = tokio::select! {
                () = &mut interrupted => return Ok(()),
                () = &mut check_requested, if !checks_now => {
                    check_requested = self.reader.check_requested();
                    next_check.set(self.check(Duration::ZERO, caught_up));
                    checks_now = true;
                    continue;
                }
                found = &mut next_check => {
                    if let Err(fault) = self.watch.evaluate(found) {
                        if matches!(fault, StreamFault::Unanswered(_)) {
                            self.nats.leave_unresponsive_server(epoch).await;
                        }
                        return Err(fault.into());
                    }
                    next_check.set(self.check(CHECK_INTERVAL, caught_up));
                    checks_now = false;
                    continue;
                }
                message = messages.next() => message.ok_or_else(|| anyhow::anyhow!("the stream has ended"))??,
            };
            let pending = self.pass_on(message, !caught_up).await?;
            if !caught_up && (pending == 0 || self.read >= info.state.last_sequence) {
                caught_up = true;
                self.reader.caught_up(info).await?;
            }
        }
    }

    /// Requests the state of the stream after a pause.
    fn check(&self, pause: Duration, caught_up: bool) -> impl Future<Output = StateCheck> + Send + use<R> {
        let expected = self.reader.expected();
        let expected = move || if caught_up { expected() } else { 0 };
        self.watch.check_after(pause, expected)
    }

    /// Continues after the last message that was read, or starts again if the stream has lost messages. Also returns how
    /// many messages there are to read.
    async fn begin(&mut self) -> anyhow::Result<(pull::Ordered, u64, Stream)> {
        let stream = self.reader.stream().await?;
        if self.watch.begin(&stream) != Change::Same {
            self.reader.lost().await?;
            self.read = 0;
        }
        let (messages, pending) =
            messages_after(&self.nats, &stream, self.read, self.reader.purpose()).await?;
        Ok((messages, pending, stream))
    }

    /// Passes on a message, and returns how many more there are.
    async fn pass_on(&mut self, message: Message, is_replayed: bool) -> anyhow::Result<u64> {
        let info = message.info().map_err(|error| anyhow::anyhow!(error))?;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        let published_at = last_message::timestamp(info.published);
        self.read = sequence;
        self.watch.saw(sequence);
        self.reader
            .message(FollowedMessage {
                message,
                sequence,
                published_at,
                pending,
                is_replayed,
            })
            .await?;
        Ok(pending)
    }
}
