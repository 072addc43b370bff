//! The connection between a WebSocket client and a gateway.

use std::net::SocketAddr;

use anyhow::Result;
use serde::Deserialize;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

/// The receive buffer and the segment size of a narrow connection, in bytes.
const BUFFER: u32 = 8 * 1024;
const SEGMENT: u32 = 536;

/// The URL of the WebSocket of the gateway at `base`.
#[must_use]
pub fn websocket_url(base: &str) -> String {
    format!("{}/ws", base.replacen("http", "ws", 1))
}

/// How many sessions follow a message of a snapshot in further parts.
///
/// # Errors
/// Fails if it is not such a message.
pub fn remaining(message: &str) -> Result<u64> {
    #[derive(Deserialize)]
    struct Part {
        remaining: u64,
    }
    Ok(serde_json::from_str::<Part>(message)?.remaining)
}

/// A connection that buffers few bytes: its segments are short, and the sender's buffer grows with them.
///
/// # Errors
/// Fails if the connection is refused.
pub async fn connect_narrow(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(BUFFER)?;
    SockRef::from(&socket).set_tcp_mss(SEGMENT)?;
    Ok(socket.connect(address).await?)
}
