//! Accepts clients of the emitter's WebSocket, and sends all events to each.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use service::{ConnectionLimit, Permit};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::http::header::ORIGIN;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::hub::{Frames, Hub};
use crate::metrics::CollectorMetrics;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may leave events unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(500);

/// The maximum frame that a client may send; clients have nothing to send.
const MAX_FRAME: usize = 4 * 1024;

/// Serves clients until the shutdown.
pub async fn serve(
    listener: TcpListener,
    hub: Hub,
    limit: ConnectionLimit,
    metrics: Arc<CollectorMetrics>,
    shutdown: CancellationToken,
) {
    let clients = TaskTracker::new();
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                let Some(permit) = limit.acquire() else {
                    continue;
                };
                let client = connected(
                    stream,
                    permit,
                    hub.clone(),
                    Arc::clone(&metrics),
                    shutdown.clone(),
                );
                clients.spawn(client);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    clients.close();
    clients.wait().await;
}

async fn connected(
    stream: TcpStream,
    permit: Permit,
    hub: Hub,
    metrics: Arc<CollectorMetrics>,
    shutdown: CancellationToken,
) {
    // If it fails, small writes are delayed.
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let handshake = accept_hdr_async_with_config(stream, RefuseWebPages(&metrics), Some(config));
    let Ok(Ok(mut socket)) = timeout(HANDSHAKE_TIMEOUT, handshake).await else {
        return;
    };
    let frames = hub.connect().await;
    metrics.clients.inc();
    tracing::info!("a client has connected to the emitter");
    let ended = tokio::select! {
        ended = converse(&mut socket, frames) => ended,
        () = shutdown.cancelled() => {
            let closed = timeout(WRITE_TIMEOUT, socket.close(None)).await;
            closed.unwrap_or(Ok(()))
        }
    };
    metrics.clients.dec();
    match ended {
        Ok(()) => tracing::info!("a client of the emitter has disconnected"),
        Err(error) => tracing::info!(%error, "a client of the emitter has disconnected"),
    }
    drop(permit);
}

/// Refuses web pages: a page of any website could open a WebSocket to this port from an operator's browser, and read who
/// visits. Browsers send the origin of the page; programs do not.
struct RefuseWebPages<'a>(&'a CollectorMetrics);

impl Callback for RefuseWebPages<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        if !request.headers().contains_key(ORIGIN) {
            return Ok(response);
        }
        self.0.refused_clients.inc();
        let mut refusal = ErrorResponse::new(Some("Web pages may not read the emitter.\n".to_owned()));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Err(refusal)
    }
}

async fn converse(
    socket: &mut WebSocketStream<TcpStream>,
    mut frames: tokio::sync::mpsc::Receiver<Frames>,
) -> tungstenite::Result<()> {
    let mut ready = Vec::new();
    loop {
        tokio::select! {
            received = frames.recv_many(&mut ready, 256) => {
                if received == 0 {
                    // It has not read for a long time, and the hub has dropped it.
                    return Ok(());
                }
                for frame in ready.drain(..).flatten() {
                    within(socket.feed(Message::Text(frame))).await?;
                }
                within(socket.flush()).await?;
            }
            // Reading answers pings, and detects that the client has disconnected.
            message = socket.next() => match message {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
        }
    }
}

async fn within(writing: impl Future<Output = tungstenite::Result<()>>) -> tungstenite::Result<()> {
    match timeout(WRITE_TIMEOUT, writing).await {
        Ok(written) => written,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}
