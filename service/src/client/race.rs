//! Connects to the first address of a host that accepts a connection.
//!
//! The addresses are raced as RFC 8305 ("happy eyeballs") describes it: the next attempt begins after a short delay, or at
//! once when one fails. A dead first address costs a quarter of a second.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long an attempt may be unanswered before the next address is tried (RFC 8305 section 5).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first of the addresses that accepts a connection. The caller limits the time.
///
/// # Errors
/// Returns the last failure if no address accepts a connection.
pub async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut untried = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        if let Some(address) = untried.next() {
            attempts.push(TcpStream::connect(address));
        }
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => failure = error,
                None => return Err(failure),
            },
            () = sleep(ATTEMPT_DELAY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    #[tokio::test]
    async fn dead_first_address_does_not_delay_the_next_one_for_long() {
        let alive = TcpListener::bind("127.0.0.4:0").await.unwrap();
        let port = alive.local_addr().unwrap().port();
        // It accepts nothing, so that a full backlog drops further attempts.
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new("127.0.0.2".parse().unwrap(), port))
            .unwrap();
        let dead = socket.listen(1).unwrap();
        let mut filling = Vec::new();
        let address = dead.local_addr().unwrap();
        while let Ok(stream) = tokio::time::timeout(ATTEMPT_DELAY, TcpStream::connect(address)).await {
            filling.push(stream.unwrap());
        }
        let addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
        let addresses = addresses.map(|ip| SocketAddr::new(ip.parse().unwrap(), port));
        let begun = Instant::now();
        let stream = connect(&addresses).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[2]);
        assert!(begun.elapsed() < ATTEMPT_DELAY * 8);
    }

    #[tokio::test]
    async fn reports_why_no_address_accepts_a_connection() {
        let unused = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let error = connect(&[unused]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect(&[]).await.is_err());
    }
}
