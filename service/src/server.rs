//! Serves HTTP/1 to whoever connects, and lets nobody who is slow or many get in the way of the others.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use crate::metrics::{Counter, Gauge, Metrics};
use crate::room::{Place, Room};

/// How long a TLS handshake may take, or the head of a request, also of the next one on a connection that is kept.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may read nothing of what is there for it.
const READ_PATIENCE: Duration = Duration::from_secs(15);

/// The most bytes of a request's head.
const MAX_HEAD: usize = 32 * 1024;

/// How many may ask for health and metrics at once.
const HEALTH_CONNECTIONS: usize = 64;

/// The pause after the system could not hand over a connection: it has run out of something.
const PAUSE: Duration = Duration::from_millis(500);

/// The rules for those who connect. The [`Place`] of a connection is in the extensions of each request; whoever takes
/// the connection over keeps it.
pub struct Server {
    tls: Option<TlsAcceptor>,
    room: Room,
}

impl Server {
    /// Serves at most so many connections at once, with TLS where there is an acceptor for it.
    #[must_use]
    pub fn new(tls: Option<TlsAcceptor>, max_connections: usize, metrics: &Metrics) -> Self {
        let open = metrics.add("http_connections", "Open connections", Gauge::default());
        let refused = metrics.add(
            "http_connections_refused",
            "Connections closed at once because there were too many",
            Counter::default(),
        );
        let room = Room::new(max_connections, open, refused);
        Self { tls, room }
    }

    /// For those who ask for health and metrics.
    #[must_use]
    pub fn for_health(metrics: &Metrics) -> Self {
        Self::new(None, HEALTH_CONNECTIONS, metrics)
    }

    /// Another one for health and metrics, beside this one.
    #[must_use]
    pub fn for_health_beside(&self) -> Self {
        Self {
            tls: None,
            room: self.room.beside(HEALTH_CONNECTIONS),
        }
    }

    /// Serves until `shutdown`, and then what has begun.
    pub async fn serve(self, listener: TcpListener, routes: Router, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = self.room.enter() {
                        let client = Client {
                            peer,
                            place,
                            routes: routes.clone(),
                            shutdown: shutdown.clone(),
                        };
                        connections.spawn(client.connected(stream, self.tls.clone()));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

/// One who has connected.
struct Client {
    peer: SocketAddr,
    place: Place,
    routes: Router,
    shutdown: CancellationToken,
}

impl Client {
    async fn connected(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let peer = self.peer;
        // A frame must not wait until the one before it is acknowledged. Where that cannot be had, it waits.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(READ_PATIENCE));
        let stream = Box::pin(stream);
        let ended = match tls {
            None => self.requests(stream).await,
            Some(tls) => match timeout(HEAD_PATIENCE, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.requests(stream).await,
                Ok(Err(error)) => Err(error.into()),
                Err(late) => Err(late.into()),
            },
        };
        // Nothing of ours: they went away, or said what is no HTTP.
        if let Err(error) = ended {
            tracing::debug!(%peer, error, "a connection has ended");
        }
    }

    async fn requests(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let Self {
            peer,
            place,
            routes,
            shutdown,
        } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(place.clone());
            routes.clone().call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended?,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await?;
            }
        }
        Ok(())
    }
}
