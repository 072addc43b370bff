//! One WebSocket client: a snapshot, then every frame, and a snapshot again when it fell behind.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use protocol::frame::Request;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::gauges::Gauges;
use crate::hub::{Hub, NotReady, Outgoing};

/// The largest message that a client may send, in bytes.
pub const MAX_REQUEST: usize = 4 * 1024;

/// How long a client may take to read a frame.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a client is served no longer.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client left")]
    Left,
    #[error("the client does not read")]
    TooSlow,
    #[error("the gateway is stopping")]
    Stopping,
    #[error(transparent)]
    NotReady(#[from] NotReady),
}

/// A connected client.
pub struct Client {
    socket: WebSocket,
    hub: Hub,
    frames: broadcast::Receiver<Outgoing>,
    gauges: Arc<Gauges>,
    /// The revision of the last frame sent.
    revision: u64,
}

impl Client {
    /// Serves the client until it leaves, stops reading, or `shutdown`.
    pub async fn serve(socket: WebSocket, hub: Hub, gauges: Arc<Gauges>, shutdown: CancellationToken) {
        gauges.clients.inc();
        // The frames from before the snapshot on, so that none is missed between the two.
        let frames = hub.frames();
        let mut client = Self {
            socket,
            hub,
            frames,
            gauges: Arc::clone(&gauges),
            revision: 0,
        };
        let end = tokio::select! {
            end = client.run() => end,
            () = shutdown.cancelled() => End::Stopping,
        };
        client.close(&end).await;
        gauges.clients.dec();
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
                    // Said by the snapshot already.
                    Ok(frame) if frame.revision <= self.revision => {}
                    Ok(frame) => {
                        self.revision = frame.revision;
                        self.send(frame.text).await?;
                    }
                    Err(RecvError::Lagged(_)) => {
                        self.gauges.clients_behind.inc();
                        self.send_snapshot().await?;
                    }
                    Err(RecvError::Closed) => return Err(End::Stopping),
                },
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.request(&text).await?,
                    Some(Ok(Message::Binary(_))) => {
                        self.gauges.requests_not_understood.inc();
                    }
                    // The library answers pings.
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                },
            }
        }
    }

    async fn request(&mut self, text: &str) -> Result<(), End> {
        match serde_json::from_str(text) {
            Ok(Request::Snapshot) => self.send_snapshot().await,
            Err(_) => {
                self.gauges.requests_not_understood.inc();
                Ok(())
            }
        }
    }

    async fn send_snapshot(&mut self) -> Result<(), End> {
        let snapshot = self.hub.snapshot().await?;
        self.revision = snapshot.revision;
        self.send(snapshot.text).await
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), End> {
        match timeout(PATIENCE, self.socket.send(Message::Text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Left),
            Err(_) => {
                self.gauges.clients_too_slow.inc();
                Err(End::TooSlow)
            }
        }
    }

    async fn close(mut self, end: &End) {
        let code = match end {
            End::Left => return,
            End::TooSlow => close_code::POLICY,
            End::Stopping => close_code::AWAY,
            End::NotReady(_) => close_code::AGAIN,
        };
        let frame = CloseFrame {
            code,
            reason: end.to_string().into(),
        };
        // A courtesy; the client may be beyond hearing it.
        let _ = timeout(
            Duration::from_secs(1),
            self.socket.send(Message::Close(Some(frame))),
        )
        .await;
    }
}
