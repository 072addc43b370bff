//! What the notifier does with the streams that it follows.

use async_nats::jetstream::stream::{Info, Stream};
use service::health::Health;
use service::streams::Streams;
use service::streams::follower::{FollowedMessage, Follower, StreamReader};
use service::{Process, clock, last_message};
use tokio::sync::{mpsc, watch};

use crate::arrivals::Place;
use crate::streams::intake::{Followed, Intake, Received};

/// Passes the messages of one stream to the hub.
pub struct Reader {
    followed: Followed,
    streams: Streams,
    health: Health,
    intake: mpsc::Sender<Intake>,
    /// The minimum number of messages that the stream must hold.
    expected: watch::Receiver<u64>,
}

impl Reader {
    /// A follower that passes messages to `intake`. The stream must hold as many messages as `expected` says.
    #[must_use]
    pub fn follower(
        followed: Followed,
        process: &Process,
        intake: mpsc::Sender<Intake>,
        expected: watch::Receiver<u64>,
    ) -> Follower<Self> {
        let reader = Self {
            followed,
            streams: process.streams.clone(),
            health: process.health.clone(),
            intake,
            expected,
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
        clock::known().await;
        Ok(match self.followed {
            Followed::Sessions => self.streams.sessions().await?,
            Followed::Claims => self.streams.notified().await?,
        })
    }

    async fn lost(&mut self) -> anyhow::Result<()> {
        let part = self.followed.part();
        tracing::warn!(part, "the stream has lost its messages");
        self.intake.send(Intake::Lost(self.followed)).await?;
        Ok(())
    }

    async fn message(&mut self, followed: FollowedMessage) -> anyhow::Result<()> {
        let (message, _) = followed.message.split();
        let headers = message.headers.unwrap_or_default();
        let received = Received {
            followed: self.followed,
            subject: message.subject.to_string(),
            place: Place {
                sequence: followed.sequence,
                published_at: followed.published_at,
                ttl: last_message::ttl(&headers),
            },
            headers,
            payload: message.payload,
        };
        self.intake.send(Intake::Message(received)).await?;
        Ok(())
    }

    /// The hub decides whether that makes the part ok.
    async fn caught_up(&mut self, stream: &Info) -> anyhow::Result<()> {
        self.intake
            .send(Intake::CaughtUp {
                followed: self.followed,
                created_at: last_message::timestamp(stream.created),
            })
            .await?;
        Ok(())
    }

    async fn behind(&mut self, lost_connection: bool) {
        if lost_connection {
            // What the stream holds is uncertain until it is read again.
            self.health
                .failing(self.followed.part(), "the connection was lost");
        }
        // Fails only when the process exits.
        let _ = self.intake.send(Intake::Behind(self.followed)).await;
    }

    fn expected(&self) -> Box<dyn FnOnce() -> u64 + Send> {
        let expected = self.expected.clone();
        Box::new(move || *expected.borrow())
    }
}
