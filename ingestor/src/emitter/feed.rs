//! The emitter's socket: connects, reads, and starts again whatever happens.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use protocol::{Event, EventKind, Millis};
use service::health::Health;
use service::rejected::Rejected;
use service::{clock, freeze};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;

use crate::emitter::silence::{Action, Silence};
use crate::gauges::Gauges;
use service::backoff::Backoff;

/// The part's name in [`Health`].
pub const PART: &str = "emitter";

/// How long a connection may take to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// A connection that held this long was a good one: what follows it begins without waiting.
const GOOD_CONNECTION: Duration = Duration::from_secs(1);

/// The largest frame that does not end the connection. What is too large for an event is rejected well below it.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// The most frames that are taken at once.
const AT_ONCE: usize = 256;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a socket gives: a message, why it is broken, or nothing any more.
type Received = Option<tungstenite::Result<Message>>;

/// Where the emitter is, and how long it may be silent.
pub struct Settings {
    /// The emitter's WebSocket.
    pub url: String,
    /// How often to ping.
    pub ping_interval: Duration,
    /// How long it may send nothing at all.
    pub silence_deadline: Duration,
}

/// A frame that holds a valid event.
pub struct Accepted {
    /// What it says.
    pub kind: EventKind,
    /// The emitter's bytes.
    pub json: Bytes,
    /// When they came, by the process's monotonic clock.
    pub received_at: Millis,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("closed by the emitter")]
    Closed,
    #[error("no connection within {} s", CONNECT_PATIENCE.as_secs())]
    ConnectTimeout,
    #[error("silent for {} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error("broken")]
    Broken(#[source] Box<tungstenite::Error>),
}

impl From<tungstenite::Error> for End {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::ConnectionClosed => Self::Closed,
            error => Self::Broken(Box::new(error)),
        }
    }
}

impl End {
    /// The end and its cause on one line, for people.
    fn in_words(&self) -> String {
        match self {
            Self::Broken(cause) => cause.to_string(),
            end => end.to_string(),
        }
    }
}

/// Reads the emitter.
pub struct Feed {
    settings: Settings,
    accepted: mpsc::Sender<Vec<Accepted>>,
    rejected: Rejected,
    health: Health,
    gauges: Arc<Gauges>,
}

impl Feed {
    /// Valid events go to `accepted`, all else to `rejected`.
    pub fn new(
        settings: Settings,
        accepted: mpsc::Sender<Vec<Accepted>>,
        rejected: Rejected,
        health: Health,
        gauges: Arc<Gauges>,
    ) -> Self {
        Self {
            settings,
            accepted,
            rejected,
            health,
            gauges,
        }
    }

    /// Reads until `shutdown`, one connection after the other.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut backoff = Backoff::new();
        loop {
            let started = Instant::now();
            let Err(end) = self.one_connection(&shutdown).await else {
                return;
            };
            self.gauges.connected.set(0);
            self.health.trouble(PART, end.in_words());
            if started.elapsed() >= GOOD_CONNECTION {
                backoff.reset();
                if matches!(end, End::Closed) {
                    continue;
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(backoff.next_delay()) => {}
            }
        }
    }

    /// Connects and reads until the connection ends, which is an error, or the process stops.
    async fn one_connection(&self, shutdown: &CancellationToken) -> Result<(), End> {
        let socket = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            socket = self.connect() => socket?,
        };
        self.gauges.connections.inc();
        self.gauges.connected.set(1);
        self.health.well(PART);
        self.read(socket, shutdown).await
    }

    async fn connect(&self) -> Result<Socket, End> {
        let config = WebSocketConfig::default()
            .max_frame_size(Some(MAX_FRAME))
            .max_message_size(Some(MAX_FRAME));
        let connecting = connect_async_with_config(self.settings.url.as_str(), Some(config), true);
        let (socket, _) = timeout(CONNECT_PATIENCE, connecting)
            .await
            .map_err(|_| End::ConnectTimeout)??;
        Ok(socket)
    }

    /// Reads until the connection ends, which is an error, or the process stops.
    async fn read(&self, mut socket: Socket, shutdown: &CancellationToken) -> Result<(), End> {
        let settings = &self.settings;
        let mut silence = Silence::new(settings.ping_interval, settings.silence_deadline, Instant::now());
        let mut timer = pin!(sleep_until(silence.next_action()));
        loop {
            tokio::select! {
                // What waits in the socket comes before every deadline: after a freeze both are there at once.
                biased;
                () = shutdown.cancelled() => {
                    // A courtesy; the emitter may be beyond hearing it.
                    let _ = timeout(Duration::from_millis(200), socket.close(None)).await;
                    return Ok(());
                }
                first = socket.next() => {
                    self.take(first, &mut socket).await?;
                    silence.heard(Instant::now());
                }
                () = &mut timer => {
                    match silence.act(Instant::now()) {
                        Action::Wait => {}
                        Action::Ping => self.ping(&mut socket).await?,
                        Action::GiveUp(silent) => {
                            let waiting = freeze::within(Duration::ZERO, socket.next()).await;
                            self.take(waiting.ok_or(End::Silent(silent))?, &mut socket).await?;
                            silence.heard(Instant::now());
                        }
                    }
                    timer.as_mut().reset(silence.next_action());
                }
            }
        }
    }

    /// A ping that cannot even be sent finds an emitter that has not read for long.
    async fn ping(&self, socket: &mut Socket) -> Result<(), End> {
        let deadline = self.settings.silence_deadline;
        let sent = timeout(deadline, socket.send(Message::Ping(Bytes::new()))).await;
        Ok(sent.map_err(|_| End::Silent(deadline))??)
    }

    /// Takes what has come, and what is there behind it: to wake up and to hand over costs more than an event, and is
    /// paid once for all of them.
    async fn take(&self, first: Received, socket: &mut Socket) -> Result<(), End> {
        let mut events = Vec::new();
        let mut outcome = self.message(first, &mut events).await;
        for _ in 1..AT_ONCE {
            if outcome.is_err() {
                break;
            }
            let Some(next) = socket.next().now_or_never() else {
                break;
            };
            outcome = self.message(next, &mut events).await;
        }
        if !events.is_empty() {
            // The publisher outlives the feed.
            let _ = self.accepted.send(events).await;
        }
        outcome
    }

    /// Text or binary makes no difference: what counts is whether there is an event in it.
    async fn message(&self, received: Received, events: &mut Vec<Accepted>) -> Result<(), End> {
        let json = match received.ok_or(End::Closed)?? {
            Message::Text(text) => text.into(),
            Message::Binary(bytes) => bytes,
            // The library answers pings and completes the closing when it is read on.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => return Ok(()),
        };
        // Each has its own time: what is stamped after its receipt is not believed.
        let received_at = clock::uptime();
        self.gauges.frame(received_at);
        match Event::parse(&json).map(|event| event.kind) {
            Ok(kind) => {
                self.gauges.event(kind);
                events.push(Accepted {
                    kind,
                    json,
                    received_at,
                });
            }
            Err(reason) => self.rejected.reject(reason, json).await,
        }
        Ok(())
    }
}
