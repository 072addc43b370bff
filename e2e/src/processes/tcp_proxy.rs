//! A TCP proxy that can drop everything silently, like an unplugged cable or a firewall that has forgotten a connection,
//! and that can be slow.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::processes::{nats_clock, ports};

/// How much is forwarded at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// How much a slow line forwards at once, at most.
const SLOW_CHUNK_BYTES: usize = 4 * 1024;

/// Forwards connections to one target until it is dropped.
///
/// While it is cut, nothing passes in either direction and no connection is closed: neither side gets a reset, and a new
/// connection is accepted by the kernel but never answered. After [`TcpProxy::restore`] the waiting bytes pass, as TCP
/// retransmits them.
#[derive(Debug)]
pub struct TcpProxy {
    port: u16,
    cut: Arc<watch::Sender<bool>>,
    /// How wrong the clock of a NATS server is made, in seconds.
    nats_clock_offset: Arc<AtomicI64>,
    /// Bytes per second and connection that come back from the target; 0 for no limit.
    rate: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl TcpProxy {
    /// A proxy on a new port for a target on this host. The target need not listen yet.
    ///
    /// # Errors
    /// Fails if no port is free.
    pub fn start(target_port: u16) -> Result<Self> {
        let port = ports::free()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let cut = Arc::new(watch::Sender::new(false));
        let mut tasks = JoinSet::new();
        let nats_clock_offset = Arc::new(AtomicI64::new(0));
        let rate = Arc::new(AtomicU64::new(0));
        let route = Route {
            target_port,
            rate: Arc::clone(&rate),
            nats_clock_offset: Arc::clone(&nats_clock_offset),
        };
        tasks.spawn(accept(listener, route, Arc::clone(&cut)));
        Ok(Self {
            port,
            cut,
            nats_clock_offset,
            rate,
            _tasks: tasks,
        })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Drops everything from now on, without closing any connection.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Shifts the clock of the NATS server by this number of seconds, for clients that connect through the proxy.
    pub fn set_nats_clock_offset(&self, seconds: i64) {
        self.nats_clock_offset.store(seconds, Ordering::Relaxed);
    }

    /// Limits the bytes per second from the target on each connection.
    pub fn throttle(&self, bytes_per_second: u64) {
        self.rate.store(bytes_per_second, Ordering::Relaxed);
    }

    /// Forwards again.
    pub fn restore(&self) {
        self.cut.send_replace(false);
    }
}

/// Where connections lead, and what is changed on the way back.
#[derive(Clone, Debug)]
struct Route {
    target_port: u16,
    nats_clock_offset: Arc<AtomicI64>,
    rate: Arc<AtomicU64>,
}

async fn accept(listener: TcpListener, route: Route, cut: Arc<watch::Sender<bool>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(forward(client, route.clone(), cut.subscribe()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Forwards one connection in both directions until one side closes it.
async fn forward(client: TcpStream, route: Route, mut cut: watch::Receiver<bool>) {
    until_restored(&mut cut).await;
    // A target that does not listen closes the connection, as it would without a proxy.
    let Ok(target) = TcpStream::connect((Ipv4Addr::LOCALHOST, route.target_port)).await else {
        return;
    };
    for socket in [&client, &target] {
        // If this fails, small messages are delayed; forwarding still works.
        let _ = socket.set_nodelay(true);
    }
    let (client_read, client_write) = client.into_split();
    let (target_read, target_write) = target.into_split();
    let unlimited = AtomicU64::new(0);
    tokio::select! {
        () = copy(client_read, target_write, cut.clone(), &unlimited, |_| {}) => {}
        () = copy(target_read, client_write, cut, &route.rate, |message| {
            nats_clock::shift(message, route.nats_clock_offset.load(Ordering::Relaxed));
        }) => {}
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut cut: watch::Receiver<bool>,
    rate: &AtomicU64,
    change: impl Fn(&mut [u8]),
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let rate = rate.load(Ordering::Relaxed);
        let most = if rate == 0 { CHUNK_BYTES } else { SLOW_CHUNK_BYTES };
        let count = from.read(&mut buffer[..most]).await.unwrap_or(0);
        if rate > 0 {
            sleep(Duration::from_secs_f64(count as f64 / rate as f64)).await;
        }
        // An end is not passed on either while everything is dropped.
        until_restored(&mut cut).await;
        change(&mut buffer[..count]);
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn until_restored(cut: &mut watch::Receiver<bool>) {
    // It fails only when the proxy is dropped, and its tasks with it.
    drop(cut.wait_for(|cut| !cut).await);
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    /// Sends a byte and waits for the answer of an echo server.
    async fn echo(stream: &mut TcpStream, byte: u8) -> Result<u8> {
        stream.write_all(&[byte]).await?;
        Ok(stream.read_u8().await?)
    }

    #[tokio::test]
    async fn cut_proxy_drops_silently_and_delivers_after_restore() -> Result<()> {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let proxy = TcpProxy::start(server.local_addr()?.port())?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = server.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await?;
        assert_eq!(echo(&mut stream, 1).await?, 1);
        proxy.cut();
        let mut late = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await?;
        let unanswered = Duration::from_millis(200);
        assert!(timeout(unanswered, echo(&mut stream, 2)).await.is_err());
        assert!(timeout(unanswered, echo(&mut late, 3)).await.is_err());
        proxy.restore();
        assert_eq!(stream.read_u8().await?, 2);
        assert_eq!(late.read_u8().await?, 3);
        Ok(())
    }
}
