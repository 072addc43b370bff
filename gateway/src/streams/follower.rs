//! Reads the streams of sessions and activities from their beginning, and the statuses of the processes.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::{Info, Stream};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use protocol::status::Status;
use protocol::{Activity, Rejection, SessionMessage, stream, subject};
use service::health::Health;
use service::log_throttle::LogThrottle;
use service::metrics::{Counter, Gauge};
use service::rejected::Rejected;
use service::streams::Streams;
use service::streams::follower::{FollowedMessage, Follower, StreamReader};
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
    /// Both streams.
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

/// Passes the messages of one stream to the hub.
pub struct Reader {
    followed: Followed,
    streams: Streams,
    stale_after: Duration,
    health: Health,
    rejected: Rejected,
    intake: mpsc::Sender<StreamEvent>,
    /// Messages of the stream that are not read yet.
    pending: Gauge,
    check: Arc<StreamCheck>,
}

impl Reader {
    /// A follower that passes messages to `intake`. `stale_after` is a setting of the stream of activities, in case it must
    /// be created.
    pub fn follower(
        followed: Followed,
        process: &Process,
        stale_after: Duration,
        intake: mpsc::Sender<StreamEvent>,
        check: Arc<StreamCheck>,
    ) -> Follower<Self> {
        let reader = Self {
            check,
            followed,
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
        };
        Follower::new(process, followed.stream(), reader)
    }
}

impl StreamReader for Reader {
    fn part(&self) -> &'static str {
        self.followed.part()
    }

    fn purpose(&self) -> &'static str {
        self.followed.purpose()
    }

    async fn stream(&self) -> anyhow::Result<Stream> {
        self.streams.rejected().await?;
        clock::known().await;
        Ok(match self.followed {
            Followed::Sessions => self.streams.sessions().await?,
            Followed::Activity => self.streams.activity(self.stale_after).await?,
        })
    }

    async fn lost(&mut self) -> anyhow::Result<()> {
        let part = self.followed.part();
        tracing::warn!(part, "the stream has lost its messages; writing them again");
        self.check.expect(0);
        self.intake.send(StreamEvent::Lost(self.followed)).await?;
        Ok(())
    }

    /// Messages that are replayed after a start are not traced again.
    async fn message(&mut self, followed: FollowedMessage) -> anyhow::Result<()> {
        let message = &followed.message;
        self.pending.set(followed.pending);
        if !followed.is_replayed
            && let Some(span) = trace::follow("show", message.headers.as_ref())
        {
            self.intake.send(StreamEvent::Traced(span)).await?;
        }
        let event = match self.followed {
            Followed::Sessions => serde_json::from_slice(&message.payload).map(|mut session| {
                let ttl = message.headers.as_ref().and_then(last_message::ttl);
                if let (SessionMessage::Tombstone(tombstone), Some(ttl)) = (&mut session, ttl) {
                    tombstone.ttl = ttl;
                }
                let stored = StoredMessage::new(&session, followed.sequence, ttl, followed.published_at);
                StreamEvent::Session(session, stored)
            }),
            Followed::Activity => serde_json::from_slice(&message.payload).map(StreamEvent::Activities),
        };
        match event {
            Ok(event) => self.intake.send(event).await?,
            Err(error) => {
                let reason = if error.is_data() {
                    Rejection::WrongType
                } else {
                    Rejection::NotJson
                };
                self.rejected.reject(reason, message.payload.clone()).await;
            }
        }
        Ok(())
    }

    async fn caught_up(&mut self, _: &Info) -> anyhow::Result<()> {
        self.health.ok(self.followed.part());
        self.intake.send(StreamEvent::CaughtUp(self.followed)).await?;
        Ok(())
    }

    async fn behind(&mut self, _: bool) {
        // Fails only when the process exits.
        let _ = self.intake.send(StreamEvent::Behind(self.followed)).await;
    }

    fn expected(&self) -> Box<dyn FnOnce() -> u64 + Send> {
        let check = Arc::clone(&self.check);
        match self.followed {
            Followed::Sessions => Box::new(move || check.expected()),
            Followed::Activity => Box::new(|| 0),
        }
    }

    fn check_requested(&self) -> BoxFuture<'static, ()> {
        let check = Arc::clone(&self.check);
        match self.followed {
            Followed::Sessions => Box::pin(async move { check.requested().await }),
            Followed::Activity => Box::pin(pending()),
        }
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
