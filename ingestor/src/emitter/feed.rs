//! The emitter's WebSocket: connects, reads, and reconnects after every failure.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use protocol::{EventKind, Millis};
use service::backoff::Backoff;
use service::health::Health;
use service::rejected::Rejected;
use service::{clock, freeze};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::CloseFrame};
use tokio_util::sync::CancellationToken;

use crate::emitter::connect::{Access, ConnectError, Socket};
use crate::emitter::frame;
use crate::emitter::proof::{Proof, Sign};
use crate::emitter::silence::{Action, Silence};
use crate::metrics::{EmitterMetrics, IngestorMetrics};

/// How long the answer to the emitter's close frame may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

/// The longest close reason that is reported, in characters.
const MAX_CLOSE_REASON: usize = 123;

/// Maximum number of frames that are read at once.
const MAX_FRAMES_AT_ONCE: usize = 256;

/// What a socket yields: a message, an error, or nothing after its end.
type Received = Option<tungstenite::Result<Message>>;

/// The emitter's address and the limits on its silence.
pub struct Settings {
    /// How to connect to it.
    pub access: Access,
    /// How often to ping.
    pub ping_interval: Duration,
    /// How long it may send nothing.
    pub silence_deadline: Duration,
}

/// A frame that holds a valid event.
pub struct Accepted {
    /// The kind of the event.
    pub kind: EventKind,
    /// The emitter's bytes.
    pub json: Bytes,
    /// When the frame was received, by the process's monotonic clock.
    pub received_at: Millis,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    NotConnected(#[from] ConnectError),
    #[error("closed by the emitter")]
    Closed,
    #[error("closed by the emitter with code {code}{}", after_colon(.reason))]
    ClosedBecause { code: u16, reason: String },
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
    /// The pause that the emitter asks for.
    fn pause(&self) -> Option<Duration> {
        match self {
            Self::NotConnected(error) => error.pause(),
            _ => None,
        }
    }

    /// What the emitter's close frame says.
    fn of(frame: Option<CloseFrame>) -> Self {
        let Some(frame) = frame else {
            return Self::Closed;
        };
        let printable = frame.reason.chars().filter(|char| !char.is_control());
        Self::ClosedBecause {
            code: frame.code.into(),
            reason: printable.take(MAX_CLOSE_REASON).collect(),
        }
    }

    /// The end with its cause, on one line.
    fn reason(&self) -> String {
        match self {
            Self::Broken(cause) => cause.to_string(),
            end => end.to_string(),
        }
    }
}

/// The reason after a colon, if there is one.
fn after_colon(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    }
}

/// Waits until then, or for ever.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Reads one emitter.
pub struct Feed {
    settings: Settings,
    /// The emitter's name in [`Health`].
    part: String,
    accepted: mpsc::Sender<Vec<Accepted>>,
    rejected: Rejected,
    health: Health,
    metrics: Arc<IngestorMetrics>,
    emitter: Arc<EmitterMetrics>,
}

impl Feed {
    /// Sends valid events to `accepted`, and everything else to `rejected`. `part` names the emitter in `health`.
    pub fn new(
        settings: Settings,
        part: String,
        accepted: mpsc::Sender<Vec<Accepted>>,
        rejected: Rejected,
        health: Health,
        metrics: Arc<IngestorMetrics>,
        emitter: Arc<EmitterMetrics>,
    ) -> Self {
        Self {
            settings,
            part,
            accepted,
            rejected,
            health,
            metrics,
            emitter,
        }
    }

    /// Reads until `shutdown`, over one connection after another.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut backoff = Backoff::for_emitter();
        let mut proof = Proof::default();
        loop {
            let Err(end) = self.one_connection(&mut proof, &shutdown).await else {
                return;
            };
            self.emitter.connected.set(0);
            self.health.failing(&self.part, end.reason());
            if proof.ended(Instant::now()) {
                backoff.reset();
            }
            let pause = backoff.next_delay().max(end.pause().unwrap_or_default());
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Connects and reads. Returns an error when the connection ends, and `Ok` on shutdown.
    async fn one_connection(&self, proof: &mut Proof, shutdown: &CancellationToken) -> Result<(), End> {
        let socket = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            socket = self.settings.access.connect() => socket?,
        };
        self.emitter.connections.inc();
        proof.connected(Instant::now());
        self.read(socket, proof, shutdown).await
    }

    fn heard(&self, sign: Sign, proof: &mut Proof) {
        if proof.heard(sign) {
            self.ok();
        }
    }

    /// The connection has proved itself.
    fn ok(&self) {
        self.emitter.connected.set(1);
        self.health.ok(&self.part);
    }

    /// Reads. Returns an error when the connection ends, and `Ok` on shutdown.
    async fn read(
        &self,
        mut socket: Socket,
        proof: &mut Proof,
        shutdown: &CancellationToken,
    ) -> Result<(), End> {
        let settings = &self.settings;
        let mut silence = Silence::new(settings.ping_interval, settings.silence_deadline, Instant::now());
        let mut timer = pin!(sleep_until(silence.next_action()));
        loop {
            tokio::select! {
                // Reading takes precedence over deadlines: after a freeze both are ready at once.
                biased;
                () = shutdown.cancelled() => {
                    // Best effort: the emitter may be unreachable.
                    let _ = timeout(CLOSE_TIMEOUT, socket.close(None)).await;
                    return Ok(());
                }
                first = socket.next() => {
                    self.take(first, &mut socket, proof).await?;
                    silence.heard(Instant::now());
                }
                () = &mut timer => {
                    match silence.act(Instant::now()) {
                        Action::Wait => {}
                        Action::Ping => self.ping(&mut socket).await?,
                        Action::Close(silent) => {
                            let waiting = freeze::within(Duration::ZERO, socket.next()).await;
                            self.take(waiting.ok_or(End::Silent(silent))?, &mut socket, proof).await?;
                            silence.heard(Instant::now());
                        }
                    }
                    timer.as_mut().reset(silence.next_action());
                }
                () = until(proof.due()) => {
                    if proof.lasted(Instant::now()) {
                        self.ok();
                    }
                }
            }
        }
    }

    /// Sends a ping. Fails if the emitter has not read for so long that the ping cannot be sent.
    async fn ping(&self, socket: &mut Socket) -> Result<(), End> {
        let deadline = self.settings.silence_deadline;
        let sent = timeout(deadline, socket.send(Message::Ping(Bytes::new()))).await;
        Ok(sent.map_err(|_| End::Silent(deadline))??)
    }

    /// Handles a frame and those that are ready after it. They are passed on together, because waking up another task costs
    /// more than handling an event.
    async fn take(&self, first: Received, socket: &mut Socket, proof: &mut Proof) -> Result<(), End> {
        let mut events = Vec::new();
        let mut outcome = self.message(first, &mut events, proof).await;
        for _ in 1..MAX_FRAMES_AT_ONCE {
            if outcome.is_err() {
                break;
            }
            let Some(next) = socket.next().now_or_never() else {
                break;
            };
            outcome = self.message(next, &mut events, proof).await;
        }
        if !events.is_empty() {
            // The publisher outlives the feed.
            let _ = self.accepted.send(events).await;
        }
        if matches!(outcome, Err(End::Closed | End::ClosedBecause { .. })) {
            // Completes the close handshake. Best effort: the emitter may be gone.
            let _ = timeout(CLOSE_TIMEOUT, socket.flush()).await;
        }
        outcome
    }

    /// Handles one frame. Events may be in text and binary frames.
    async fn message(
        &self,
        received: Received,
        events: &mut Vec<Accepted>,
        proof: &mut Proof,
    ) -> Result<(), End> {
        let json = match received.ok_or(End::Closed)?? {
            Message::Text(text) => text.into(),
            Message::Binary(bytes) => bytes,
            Message::Close(frame) => return Err(End::of(frame)),
            Message::Pong(_) => {
                self.heard(Sign::Pong, proof);
                return Ok(());
            }
            // The library answers pings.
            Message::Ping(_) | Message::Frame(_) => return Ok(()),
        };
        // Each event has its own time of receipt: a later timestamp is replaced.
        let received_at = clock::uptime();
        self.emitter.frame(received_at);
        for (outcome, json) in frame::parts(json, |event| self.metrics.event(event)) {
            match outcome {
                Ok(kind) => {
                    self.heard(Sign::Event, proof);
                    events.push(Accepted {
                        kind,
                        json,
                        received_at,
                    });
                }
                Err(reason) => self.rejected.reject(reason, json).await,
            }
        }
        Ok(())
    }
}
