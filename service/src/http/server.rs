//! Serves HTTP/1 to whoever connects, and lets nobody who is slow or many get in the way of the others.

use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::header::RETRY_AFTER;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
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

use crate::http::client_limit::{ClientLimit, ClientPermit};
use crate::http::connection_limit::{Place, Room};
use crate::http::reserve::{Reserve, Reserved};
use crate::telemetry::metrics::{Counter, Gauge, Metrics};

/// How long a TLS handshake may take, or the head of a request, also of the next one on a connection that is kept.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// How long a client may read nothing of what is there for it.
const READ_PATIENCE: Duration = Duration::from_secs(15);

/// The most bytes of a request's head.
const MAX_HEAD: usize = 32 * 1024;

/// How many may ask for health and metrics at once.
const HEALTH_CONNECTIONS: usize = 64;

/// How long the head of a request may take on a connection beyond the limits.
const RESERVE_HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause after the system could not hand over a connection: it has run out of something.
const PAUSE: Duration = Duration::from_millis(500);

/// The rules for those who connect. The [`Connection`] is in the extensions of each request; whoever takes the connection
/// over keeps it.
pub struct Server {
    tls: Option<TlsAcceptor>,
    room: Room,
    clients: ClientLimit,
    reserve: Reserve,
}

/// A connection within the limits; it counts until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Connection {
    _place: Place,
    _client: Arc<ClientPermit>,
}

impl Server {
    /// Serves at most so many connections at once, and so many of one client, with TLS where there is an acceptor for it.
    #[must_use]
    pub fn new(
        tls: Option<TlsAcceptor>,
        max_connections: usize,
        max_per_client: usize,
        metrics: &Metrics,
    ) -> Self {
        let open = metrics.add("http_connections", "Open connections", Gauge::default());
        let refused = metrics.add(
            "http_connections_refused",
            "Connections beyond the limits, on which only health and metrics were served",
            Counter::default(),
        );
        let room = Room::new(max_connections, open, refused);
        Self {
            tls,
            room,
            clients: ClientLimit::new(max_per_client),
            reserve: Reserve::new(HEALTH_CONNECTIONS),
        }
    }

    /// For those who ask for health and metrics.
    #[must_use]
    pub fn for_health(metrics: &Metrics) -> Self {
        Self::new(None, HEALTH_CONNECTIONS, HEALTH_CONNECTIONS, metrics)
    }

    /// Another one for health and metrics, beside this one.
    #[must_use]
    pub fn for_health_beside(&self) -> Self {
        Self {
            tls: None,
            room: self.room.beside(HEALTH_CONNECTIONS),
            clients: ClientLimit::new(HEALTH_CONNECTIONS),
            reserve: Reserve::new(HEALTH_CONNECTIONS),
        }
    }

    /// Serves `routes` until `shutdown`, and then what has begun. On connections beyond the limits, `health` alone.
    pub async fn serve(
        self,
        listener: TcpListener,
        routes: Router,
        health: Router,
        shutdown: CancellationToken,
    ) {
        let health = health.fallback(beyond_limits);
        let connections = TaskTracker::new();
        while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => {
                    let admission = self.admit(peer);
                    let routes = match admission {
                        Admission::Within(_) => routes.clone(),
                        Admission::Beyond(_) => health.clone(),
                    };
                    let client = Client {
                        peer,
                        admission,
                        routes,
                        shutdown: shutdown.clone(),
                    };
                    connections.spawn(client.connected(stream, self.tls.clone()));
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

    fn admit(&self, peer: SocketAddr) -> Admission {
        let client = self.clients.acquire(peer);
        if client.is_none() {
            self.room.refuse();
        }
        let connection = client.and_then(|client| {
            Some(Connection {
                _place: self.room.enter()?,
                _client: Arc::new(client),
            })
        });
        connection.map_or_else(|| Admission::Beyond(self.reserve.enter()), Admission::Within)
    }
}

/// What a connection may be used for.
enum Admission {
    /// It is within the limits.
    Within(Connection),
    /// It is beyond them: for one question about health.
    Beyond(Reserved),
}

async fn beyond_limits() -> impl IntoResponse {
    let retry = [(RETRY_AFTER, "5")];
    (
        StatusCode::SERVICE_UNAVAILABLE,
        retry,
        "There are too many connections.\n",
    )
}

/// One who has connected.
struct Client {
    peer: SocketAddr,
    admission: Admission,
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
            admission,
            routes,
            shutdown,
        } = self;
        let (within, beyond) = match admission {
            Admission::Within(connection) => (Some(connection), None),
            Admission::Beyond(reserved) => (None, Some(reserved)),
        };
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(if within.is_some() {
                HEAD_PATIENCE
            } else {
                RESERVE_HEAD_TIMEOUT
            })
            .keep_alive(within.is_some())
            .max_buf_size(MAX_HEAD);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(connection) = within.clone() {
                request.extensions_mut().insert(connection);
            }
            routes.clone().call(request)
        });
        let connection = builder
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let replaced = async {
            match &beyond {
                Some(reserved) => reserved.closed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = connection.as_mut() => ended?,
            () = replaced => {}
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await?;
            }
        }
        Ok(())
    }
}
