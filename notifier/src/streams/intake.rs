//! What arrives from NATS.

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use bytes::Bytes;
use protocol::{Guid, Timestamp, stream};

use crate::arrivals::Place;

/// A stream that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// `VISITOR_SESSIONS`.
    Sessions,
    /// The bucket `visitor_notified`.
    Claims,
}

impl Followed {
    /// The part's name in the process's health.
    #[must_use]
    pub const fn part(self) -> &'static str {
        match self {
            Self::Sessions => "sessions stream",
            Self::Claims => "notified bucket",
        }
    }

    /// The stream's name.
    #[must_use]
    pub const fn stream(self) -> &'static str {
        match self {
            Self::Sessions => stream::SESSIONS,
            Self::Claims => "KV_visitor_notified",
        }
    }

    /// What the consumer is for, as `nats consumer info` shows it.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Sessions => "A notifier's view of who is on the website",
            Self::Claims => "A notifier's copy of the bucket",
        }
    }
}

/// What arrives from NATS.
#[derive(Debug)]
pub enum Intake {
    /// The stream has lost its messages; those that it holds now follow from the beginning.
    Lost(Followed),
    /// All messages that the stream held when it was connected have been passed on.
    CaughtUp {
        /// Which stream.
        followed: Followed,
        /// When it was created, according to the server's clock.
        created_at: Timestamp,
    },
    /// The stream is not read.
    Behind(Followed),
    /// A message.
    Message(Received),
    /// A message of the consumer that all notifiers share.
    Delivered(Box<Delivery>),
}

/// A message of a stream.
#[derive(Debug)]
pub struct Received {
    /// The stream that it comes from.
    pub followed: Followed,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its content.
    pub payload: Bytes,
    /// Its position in the stream.
    pub place: Place,
}

/// A message that is acknowledged once its session is done.
#[derive(Debug)]
pub struct Delivery {
    /// The session; `None` if the subject names none.
    pub guid: Option<Guid>,
    /// The message's sequence in the stream.
    pub sequence: u64,
    /// The message.
    pub message: Message,
}
