//! Attacks on the gateway and on NATS have no effect: the tests that SECURITY.md names.

mod access;
mod accounts;
mod keyed_hash;
mod limits;
mod origin;
mod permissions;
mod reply_subjects;
mod secrets;
mod slow;
mod tls;

use anyhow::{Context as _, Result};
use e2e::WAIT_TIMEOUT;
use e2e::clients::websocket_url;
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// The first frame for a WebSocket client that shows such headers.
async fn first_frame(base: &str, headers: &[(&'static str, &str)]) -> Result<Value> {
    let mut request = websocket_url(base).into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse()?);
    }
    let (mut socket, _) = connect_async(request).await?;
    let message = timeout(WAIT_TIMEOUT, socket.next()).await?;
    let message = message.context("the connection ended")??;
    Ok(serde_json::from_str(message.to_text()?)?)
}
