//! One WebSocket client: a snapshot in parts, then every delta, and another snapshot if it fell behind.

mod backlog;

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum_tws::{CloseCode, Limits, Message, WebSocket, WebSocketUpgrade};
use futures_util::FutureExt as _;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use protocol::frame::Request;
use serde::Deserialize;
use service::Connection;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::http::api::Api;
use crate::http::websocket::backlog::{Backlog, Next};
use crate::hub::outgoing::{Encoded, Outgoing};
use crate::hub::snapshots::Joined;
use crate::hub::{Hub, Unavailable};
use crate::metrics::GatewayMetrics;

/// The largest message that a client may send, in bytes.
const MAX_REQUEST: usize = 4 * 1024;

/// How long sending a message may take, in addition to the time that its bytes need.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The minimum speed of a client's connection, in bytes per second. A slower client is disconnected.
const MIN_RATE: f64 = 4.0 * 1024.0;

/// The minimum time between two snapshots that one client requests, because each is the whole view.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(1);

/// Maximum messages per second from one client, and the maximum burst.
const MESSAGES: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
const MESSAGE_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client left")]
    Left,
    #[error("the client does not read")]
    TooSlow,
    #[error("the client sends too many messages")]
    TooTalkative,
    #[error("the gateway is stopping")]
    Stopping,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What a client may choose in the query.
#[derive(Deserialize)]
pub struct Options {
    compress: Option<String>,
}

/// `GET /ws`.
pub async fn upgrade(
    State(api): State<Api>,
    Query(options): Query<Options>,
    Extension(connection): Extension<Connection>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(permit) = api.client_limit.acquire() else {
        let retry = [(RETRY_AFTER, "5")];
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            retry,
            "There are too many clients.\n",
        )
            .into_response();
    };
    upgrade
        .limits(Limits::default().max_payload_len(Some(MAX_REQUEST)))
        .on_upgrade(async move |socket| {
            let compresses = options.compress.as_deref() == Some("gzip");
            let client = Client::serve(socket, compresses, api.hub, api.metrics, api.shutdown);
            api.clients.track_future(client).await;
            drop((permit, connection));
        })
}

/// A connected client.
struct Client {
    socket: WebSocket,
    /// Whether long messages are sent with gzip.
    compresses: bool,
    hub: Hub,
    /// The deltas that are neither sent nor in the backlog.
    frames: broadcast::Receiver<Outgoing>,
    /// Deltas that arrived while the last snapshot was being sent.
    backlog: Backlog,
    metrics: Arc<GatewayMetrics>,
    /// The revision of the last frame sent.
    revision: u64,
    messages: DefaultDirectRateLimiter,
    /// Whether the client has requested a snapshot that is not sent yet.
    wants_snapshot: bool,
    next_snapshot: Instant,
}

impl Client {
    /// Serves the client until it leaves, stops reading, or `shutdown`.
    async fn serve(
        socket: WebSocket,
        compresses: bool,
        hub: Hub,
        metrics: Arc<GatewayMetrics>,
        shutdown: CancellationToken,
    ) {
        let frames = hub.frames();
        let mut client = Self {
            socket,
            compresses,
            hub,
            frames,
            backlog: Backlog::default(),
            metrics,
            revision: 0,
            messages: RateLimiter::direct(Quota::per_second(MESSAGES).allow_burst(MESSAGE_BURST)),
            wants_snapshot: false,
            next_snapshot: Instant::now(),
        };
        let end = tokio::select! {
            end = client.run() => end,
            () = shutdown.cancelled() => End::Stopping,
        };
        client.close(&end).await;
    }

    async fn run(&mut self) -> End {
        match self.stream().await {
            Ok(()) => End::Left,
            Err(end) => end,
        }
    }

    async fn stream(&mut self) -> Result<(), End> {
        self.send_snapshot().await?;
        loop {
            tokio::select! {
                frame = self.frames.recv() => match frame {
                    Ok(frame) => self.send_frame(frame).await?,
                    Err(RecvError::Lagged(_)) => {
                        self.metrics.clients_behind.inc();
                        self.send_snapshot().await?;
                    }
                    Err(RecvError::Closed) => return Err(End::Stopping),
                },
                () = sleep_until(self.next_snapshot), if self.wants_snapshot => self.send_snapshot().await?,
                message = self.socket.recv() => match message {
                    Some(Err(_)) | None => return Ok(()),
                    Some(Ok(message)) => self.on_message(&message)?,
                },
            }
        }
    }

    fn on_message(&mut self, message: &Message) -> Result<(), End> {
        if self.messages.check().is_err() {
            self.metrics.clients_too_talkative.inc();
            return Err(End::TooTalkative);
        }
        // The library answers pings and close frames.
        if !message.is_text() && !message.is_binary() {
            return Ok(());
        }
        match message.as_text().map(serde_json::from_str) {
            Some(Ok(Request::Snapshot)) => self.wants_snapshot = true,
            Some(Err(_)) | None => {
                self.metrics.requests_not_understood.inc();
            }
        }
        Ok(())
    }

    /// Sends a snapshot and the deltas since, until the client is up to date. Starts again if it falls behind meanwhile.
    async fn send_snapshot(&mut self) -> Result<(), End> {
        loop {
            self.wants_snapshot = false;
            self.next_snapshot = Instant::now() + SNAPSHOT_INTERVAL;
            self.send_parts().await?;
            loop {
                match self.backlog.pop() {
                    Next::Frame(frame) => self.send_frame(frame).await?,
                    Next::Nothing => return Ok(()),
                    Next::Snapshot => break,
                }
            }
            self.metrics.clients_behind.inc();
        }
    }

    /// Sends the parts of a snapshot, and collects the deltas that arrive meanwhile.
    async fn send_parts(&mut self) -> Result<(), End> {
        let (Joined { snapshot, frames }, following) = self.hub.join().await?;
        self.frames = following;
        let first = snapshot.part(0).await;
        self.backlog = Backlog::new(frames, snapshot.size().unwrap_or_default());
        self.revision = snapshot.revision();
        self.send(first).await?;
        for number in 1..snapshot.parts() {
            // Answers pings, so that a client on a slow connection does not give up.
            while let Some(message) = self.socket.recv().now_or_never() {
                self.on_message(&message.and_then(Result::ok).ok_or(End::Left)?)?;
            }
            let part = snapshot.part(number).await;
            self.send(part).await?;
        }
        // The snapshot counts as held until here.
        drop(snapshot);
        Ok(())
    }

    /// Sends a frame, unless the snapshot includes it.
    async fn send_frame(&mut self, frame: Outgoing) -> Result<(), End> {
        if frame.revision <= self.revision {
            return Ok(());
        }
        self.revision = frame.revision;
        self.send(frame.message).await
    }

    /// Sends a message. Deltas that arrive meanwhile go into the backlog if it is open; otherwise they wait in the channel,
    /// which drops them at its limit.
    async fn send(&mut self, message: Encoded) -> Result<(), End> {
        let gzip = if self.compresses {
            message.gzip().await
        } else {
            None
        };
        let bytes = gzip.unwrap_or(message.text()).clone();
        let seconds = bytes.len() as f64 / MIN_RATE;
        let message = if gzip.is_some() {
            Message::binary(bytes)
        } else {
            Message::text(bytes)
        };
        let deadline = Instant::now() + SEND_TIMEOUT + Duration::from_secs_f64(seconds);
        let mut sending = pin!(self.socket.send(message));
        let cost = self.hub.cost();
        loop {
            tokio::select! {
                biased;
                sent = cost.of(sending.as_mut()) => return sent.map_err(|_| End::Left),
                () = sleep_until(deadline) => {
                    self.metrics.clients_too_slow.inc();
                    return Err(End::TooSlow);
                }
                frame = self.frames.recv(), if self.backlog.is_open() => match frame {
                    Ok(frame) => self.backlog.push(frame),
                    Err(RecvError::Lagged(_)) => self.backlog.lose(),
                    Err(RecvError::Closed) => return Err(End::Stopping),
                },
            }
        }
    }

    async fn close(mut self, end: &End) {
        let code = match end {
            End::Left => return,
            End::TooSlow | End::TooTalkative => CloseCode::POLICY_VIOLATION,
            End::Stopping => CloseCode::GOING_AWAY,
            End::Unavailable(_) => CloseCode::SERVICE_OVERLOAD,
        };
        let close = Message::close(Some(code), &end.to_string());
        // Best effort: the client may be unreachable.
        let _ = timeout(Duration::from_secs(1), self.socket.send(close)).await;
    }
}
