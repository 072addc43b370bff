//! How a TCP connection becomes a client: the WebSocket handshake, on any path, or else `GET /stats`.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::Body,
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::server::create_response_with_body, protocol::Role},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::broadcast::Broadcast;

/// Serves one TCP connection.
pub(super) async fn serve(
    stream: TcpStream,
    broadcast: Arc<Broadcast>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off the delay of small writes");
    }
    let answer = service_fn(|mut request: Request<Incoming>| {
        let response = match create_response_with_body(&request, Body::empty) {
            Ok(response) => {
                let client = attend(hyper::upgrade::on(&mut request), broadcast.clone());
                tasks.spawn(stop.clone().run_until_cancelled_owned(client));
                response
            }
            Err(_) if request.uri().path() == "/stats" => Json(broadcast.stats()).into_response(),
            Err(error) => refusal(&error),
        };
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection failed before its handshake");
    }
}

fn refusal(error: &impl std::fmt::Display) -> Response {
    (
        StatusCode::BAD_REQUEST,
        format!("this is a WebSocket server: {error}\n"),
    )
        .into_response()
}

async fn attend(upgrade: OnUpgrade, broadcast: Arc<Broadcast>) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "a handshake was not completed"),
    };
    // The stream below HTTP is the one that `serve` has put there. It is written to directly.
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        return tracing::error!("a connection is not of the type that it was made of");
    };
    let (stream, read) = (parts.io.into_inner(), parts.read_buf.to_vec());
    broadcast
        .serve(WebSocketStream::from_partially_read(stream, read, Role::Server, None).await)
        .await;
}
