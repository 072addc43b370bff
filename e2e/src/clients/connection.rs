//! The line between a WebSocket client and a gateway.

use std::net::SocketAddr;

use anyhow::Result;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

/// The buffer and the segments of a narrow line, in bytes.
const BUFFER: u32 = 8 * 1024;
const SEGMENT: u32 = 536;

/// The WebSocket of the gateway whose HTTP door is at `base`.
#[must_use]
pub fn websocket_url(base: &str) -> String {
    format!("{}/ws", base.replacen("http", "ws", 1))
}

/// A connection into which little fits: its segments are short, and a sender's buffer grows with them.
///
/// # Errors
/// Fails if nobody listens there.
pub async fn connect_narrow(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(BUFFER)?;
    SockRef::from(&socket).set_tcp_mss(SEGMENT)?;
    Ok(socket.connect(address).await?)
}
