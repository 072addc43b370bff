//! One WebSocket client: a snapshot, then every frame, and a snapshot again when it fell behind.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum_tws::{CloseCode, Limits, Message, WebSocket, WebSocketUpgrade};
use bytes::Bytes;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use protocol::frame::Request;
use service::Connection;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::http::api::Api;
use crate::hub::outgoing::Outgoing;
use crate::hub::snapshots::Joined;
use crate::hub::{Hub, Unavailable};
use crate::metrics::GatewayMetrics;

/// The largest message that a client may send, in bytes.
const MAX_REQUEST: usize = 4 * 1024;

/// How long sending a frame may take.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The least time between two snapshots that one client requests, because each is the whole view.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(1);

/// The most messages per second from one client, and the largest burst.
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

/// `GET /ws`.
pub async fn upgrade(
    State(api): State<Api>,
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
            let client = Client::serve(socket, api.hub, api.metrics, api.shutdown);
            api.clients.track_future(client).await;
            drop((permit, connection));
        })
}

/// A connected client.
struct Client {
    socket: WebSocket,
    hub: Hub,
    /// The frames since the last snapshot that are not sent yet.
    frames: broadcast::Receiver<Outgoing>,
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
    async fn serve(socket: WebSocket, hub: Hub, metrics: Arc<GatewayMetrics>, shutdown: CancellationToken) {
        let frames = hub.frames();
        let mut client = Self {
            socket,
            hub,
            frames,
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

    async fn send_snapshot(&mut self) -> Result<(), End> {
        self.wants_snapshot = false;
        self.next_snapshot = Instant::now() + SNAPSHOT_INTERVAL;
        let (Joined { snapshot, frames }, following) = self.hub.join().await?;
        self.frames = following;
        let text = snapshot.text().await;
        self.revision = snapshot.revision();
        // Dropped only after it is sent, because it counts as held until then.
        self.send(text).await?;
        drop(snapshot);
        for frame in frames {
            self.send_frame(frame).await?;
        }
        Ok(())
    }

    /// Sends a frame, unless the snapshot includes it.
    async fn send_frame(&mut self, frame: Outgoing) -> Result<(), End> {
        if frame.revision <= self.revision {
            return Ok(());
        }
        self.revision = frame.revision;
        self.send(frame.text).await
    }

    async fn send(&mut self, text: Bytes) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.socket.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Left),
            Err(_) => {
                self.metrics.clients_too_slow.inc();
                Err(End::TooSlow)
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
