//! Reads the streams of sessions and activities from their beginning, and the statuses of the processes.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt as _;
use protocol::status::Status;
use protocol::{Activity, Rejection, SessionMessage, stream, subject};
use service::backoff::Backoff;
use service::health::Health;
use service::incarnation::Change;
use service::log_throttle::LogThrottle;
use service::metrics::{Counter, Gauge};
use service::rejected::Rejected;
use service::stream_watch::{CHECK_INTERVAL, StateCheck, StreamFault, StreamWatch};
use service::streams::{Streams, messages_after};
use service::trace::{self, Span};
use service::{Nats, Process, clock, last_message};
use tokio::sync::mpsc;

use crate::pipeline::trusted_status;
use crate::streams::check::StreamCheck;
use crate::view::write_back::StoredMessage;

/// What arrives from NATS.
#[derive(Debug)]
pub enum StreamEvent {
    /// The stream has lost its messages; those that it holds now follow from the beginning.
    Lost(Followed),
    /// The next message is traced; the span ends with the frame that shows it.
    Traced(Span),
    /// A record or tombstone.
    Session(SessionMessage, StoredMessage),
    /// Last activities.
    Activities(Vec<Activity>),
    /// All messages that a stream held when it was connected have been passed on.
    CaughtUp(Followed),
    /// A stream cannot be read, or has not been read to its end.
    Behind(Followed),
    /// The status of a process.
    Status(Status),
}

/// A stream that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Followed {
    /// `VISITOR_SESSIONS`.
    Sessions,
    /// `VISITOR_ACTIVITY`.
    Activity,
}

impl Followed {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sessions, Self::Activity];

    /// The part's name in [`Health`].
    pub const fn part(self) -> &'static str {
        match self {
            Self::Sessions => "sessions stream",
            Self::Activity => "activity stream",
        }
    }

    /// The stream's name.
    const fn stream(self) -> &'static str {
        match self {
            Self::Sessions => stream::SESSIONS,
            Self::Activity => stream::ACTIVITY,
        }
    }

    /// What the consumer is for, as `nats consumer info` shows it.
    const fn purpose(self) -> &'static str {
        match self {
            Self::Sessions => "A gateway's view of the sessions",
            Self::Activity => "A gateway's view of the last activities",
        }
    }

    /// The name of the metric for the messages that are not read yet.
    const fn pending(self) -> &'static str {
        match self {
            Self::Sessions => "sessions_stream_pending",
            Self::Activity => "activity_stream_pending",
        }
    }
}

/// Reads one stream.
pub struct Follower {
    followed: Followed,
    nats: Nats,
    streams: Streams,
    stale_after: Duration,
    health: Health,
    rejected: Rejected,
    intake: mpsc::Sender<StreamEvent>,
    /// Messages of the stream that are not read yet.
    pending: Gauge,
    watch: StreamWatch,
    check: Arc<StreamCheck>,
    /// The last sequence that was read; 0 to read from the beginning.
    read: u64,
}

impl Follower {
    /// Passes messages to `intake`. `stale_after` is a setting of the stream of activities, in case it must be created.
    pub fn new(
        followed: Followed,
        process: &Process,
        stale_after: Duration,
        intake: mpsc::Sender<StreamEvent>,
        check: Arc<StreamCheck>,
    ) -> Self {
        Self {
            watch: StreamWatch::new(process.nats.clone(), followed.stream()),
            check,
            followed,
            nats: process.nats.clone(),
            streams: process.streams.clone(),
            stale_after,
            health: process.health.clone(),
            rejected: process.rejected.clone(),
            intake,
            pending: process.metrics.add(
                followed.pending(),
                "Messages of the stream that are not read yet",
                Gauge::default(),
            ),
            read: 0,
        }
    }

    /// Reads until the process exits, and starts again after every failure.
    pub async fn run(mut self) {
        let mut backoff = Backoff::for_nats();
        loop {
            match Box::pin(self.one_connection()).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    self.health.failing(self.followed.part(), format!("{error:#}"));
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
            // Fails only when the process exits.
            let _ = self.intake.send(StreamEvent::Behind(self.followed)).await;
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
        let last = stream.cached_info().state.last_sequence;
        let mut caught_up = pending == 0;
        if caught_up {
            self.caught_up().await?;
        } else {
            self.health.failing(self.followed.part(), "catching up");
        }
        let nats = self.nats.clone();
        let mut interrupted = std::pin::pin!(nats.lost(epoch));
        let check = Arc::clone(&self.check);
        let mut doubted = std::pin::pin!(check.doubted());
        let mut next_check = std::pin::pin!(self.check(CHECK_INTERVAL, caught_up));
        let mut looks_now = false;
        loop {
            let message = tokio::select! {
                () = &mut interrupted => return Ok(()),
                () = &mut doubted, if self.followed == Followed::Sessions && !looks_now => {
                    doubted.set(check.doubted());
                    next_check.set(self.check(Duration::ZERO, caught_up));
                    looks_now = true;
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
                    looks_now = false;
                    continue;
                }
                message = messages.next() => message.ok_or_else(|| anyhow::anyhow!("the stream has ended"))??,
            };
            let pending = self.pass_on(message, caught_up).await?;
            if !caught_up && (pending == 0 || self.read >= last) {
                caught_up = true;
                self.caught_up().await?;
            }
        }
    }

    async fn ensure_stream(&self) -> anyhow::Result<Stream> {
        self.streams.rejected().await?;
        clock::known().await;
        Ok(match self.followed {
            Followed::Sessions => self.streams.sessions().await?,
            Followed::Activity => self.streams.activity(self.stale_after).await?,
        })
    }

    /// Requests the state of the stream after a pause.
    fn check(&self, pause: Duration, caught_up: bool) -> impl Future<Output = StateCheck> + Send + use<> {
        let check = Arc::clone(&self.check);
        let counts = caught_up && self.followed == Followed::Sessions;
        let expected = move || if counts { check.expected() } else { 0 };
        self.watch.check_after(pause, expected)
    }

    /// Continues after the last message that was read, or starts again if the stream has lost messages. Also returns how many
    /// messages there are to read.
    async fn begin(&mut self) -> anyhow::Result<(pull::Ordered, u64, Stream)> {
        let stream = self.ensure_stream().await?;
        match self.watch.begin(&stream) {
            Change::Same => {}
            Change::Replaced | Change::Emptied => {
                let part = self.followed.part();
                tracing::warn!(part, "the stream has lost its messages; writing them again");
                self.check.expect(0);
                self.intake.send(StreamEvent::Lost(self.followed)).await?;
                self.read = 0;
            }
        }
        let (messages, pending) =
            messages_after(&self.nats, &stream, self.read, self.followed.purpose()).await?;
        Ok((messages, pending, stream))
    }

    async fn caught_up(&self) -> anyhow::Result<()> {
        self.health.ok(self.followed.part());
        self.intake.send(StreamEvent::CaughtUp(self.followed)).await?;
        Ok(())
    }

    /// Passes on a message, and returns how many more there are. Messages that are replayed after a start are not traced
    /// again.
    async fn pass_on(&mut self, message: Message, caught_up: bool) -> anyhow::Result<u64> {
        let info = message.info().map_err(|error| anyhow::anyhow!(error))?;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        self.pending.set(pending);
        let published_at = last_message::timestamp(info.published);
        self.read = sequence;
        self.watch.saw(sequence);
        if caught_up && let Some(span) = trace::follow("show", message.headers.as_ref()) {
            self.intake.send(StreamEvent::Traced(span)).await?;
        }
        let told = match self.followed {
            Followed::Sessions => serde_json::from_slice(&message.payload).map(|mut session| {
                let ttl = message.headers.as_ref().and_then(last_message::ttl);
                if let (SessionMessage::Tombstone(tombstone), Some(ttl)) = (&mut session, ttl) {
                    tombstone.ttl = ttl;
                }
                let stored = StoredMessage::new(&session, sequence, ttl, published_at);
                StreamEvent::Session(session, stored)
            }),
            Followed::Activity => serde_json::from_slice(&message.payload).map(StreamEvent::Activities),
        };
        match told {
            Ok(told) => self.intake.send(told).await?,
            Err(error) => {
                let reason = if error.is_data() {
                    Rejection::WrongType
                } else {
                    Rejection::NotJson
                };
                self.rejected.reject(reason, message.payload.clone()).await;
            }
        }
        Ok(pending)
    }
}

/// Passes statuses to `intake` until the process exits, and counts those that are not trusted.
pub async fn follow_statuses(nats: Nats, intake: mpsc::Sender<StreamEvent>, ignored: Counter) {
    static IGNORED: LogThrottle = LogThrottle::new();
    loop {
        nats.connected().await;
        match nats.client().subscribe(subject::STATUSES).await {
            Ok(mut messages) => {
                while let Some(message) = messages.next().await {
                    match trusted_status::read(&message.subject, &message.payload) {
                        Ok(status) => {
                            // Fails only when the process exits.
                            let _ = intake.send(StreamEvent::Status(status)).await;
                        }
                        Err(error) => {
                            ignored.inc();
                            if let Some(suppressed) = IGNORED.allow() {
                                tracing::warn!(subject = %message.subject, %error, suppressed, "a status is ignored");
                            }
                        }
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "cannot subscribe to the statuses"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
