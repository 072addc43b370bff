//! Serves HTTP/1, with limits and timeouts that keep slow or numerous clients from affecting others.

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
use crate::http::connection_limit::{ConnectionLimit, Permit};
use crate::http::reserve::{Reserve, Reserved};
use crate::telemetry::metrics::{Counter, Gauge, Metrics};

/// How long a TLS handshake may take, and how long a connection may wait for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may read nothing while data waits for it.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// How many unsent bytes the kernel buffers per connection. Without a limit it buffers megabytes, and on a slow line it
/// accepts more only after a third of them is sent: [`READ_TIMEOUT`] would end a connection that is making progress.
#[cfg(target_os = "linux")]
const MAX_UNSENT: u32 = 64 * 1024;

/// The maximum size of a request's head, in bytes.
const MAX_HEAD: usize = 32 * 1024;

/// Maximum number of connections for health and metrics.
const HEALTH_CONNECTIONS: usize = 64;

/// How long the head of a request may take on a connection beyond the limits.
const RESERVE_HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause after a failed accept, because the system has run out of a resource.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves connections within limits. The [`Connection`] is an extension of each request; a handler that upgrades the
/// connection must keep it.
pub struct Server {
    tls: Option<TlsAcceptor>,
    connections: ConnectionLimit,
    clients: ClientLimit,
    reserve: Reserve,
}

/// A connection within the limits; it counts until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Connection {
    _permit: Permit,
    _client: Arc<ClientPermit>,
}

impl Server {
    /// Serves at most `max_connections`, and at most `max_per_client` of one client; with TLS if there is an acceptor.
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
        let connections = ConnectionLimit::new(max_connections, open, refused);
        Self {
            tls,
            connections,
            clients: ClientLimit::new(max_per_client),
            reserve: Reserve::new(HEALTH_CONNECTIONS),
        }
    }

    /// For health and metrics only.
    #[must_use]
    pub fn for_health(metrics: &Metrics) -> Self {
        Self::new(None, HEALTH_CONNECTIONS, HEALTH_CONNECTIONS, metrics)
    }

    /// Another server for health and metrics, counted with this one.
    #[must_use]
    pub fn additional_for_health(&self) -> Self {
        Self {
            tls: None,
            connections: self.connections.with_same_metrics(HEALTH_CONNECTIONS),
            clients: ClientLimit::new(HEALTH_CONNECTIONS),
            reserve: Reserve::new(HEALTH_CONNECTIONS),
        }
    }

    /// Serves `routes` until `shutdown`, and then finishes open requests. Connections beyond the limits get only `health`.
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
                    tracing::warn!(%error, "cannot accept a connection");
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
            self.connections.refuse();
        }
        let connection = client.and_then(|client| {
            Some(Connection {
                _permit: self.connections.acquire()?,
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
    /// It is beyond them, and gets one request for health.
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

/// A client that has connected.
struct Client {
    peer: SocketAddr,
    admission: Admission,
    routes: Router,
    shutdown: CancellationToken,
}

impl Client {
    async fn connected(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // A frame must not wait for the acknowledgement of the previous one. If the option fails, frames are only delayed.
        let _ = stream.set_nodelay(true);
        // If this option fails, the client only needs a faster line.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(MAX_UNSENT);
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(READ_TIMEOUT));
        let stream = Box::pin(stream);
        let ended = match tls {
            None => self.requests(stream).await,
            Some(tls) => match timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.requests(stream).await,
                Ok(Err(error)) => Err(error.into()),
                Err(late) => Err(late.into()),
            },
        };
        // Not our error: the client disconnected or did not speak HTTP. Its address is not logged: it may be a visitor's.
        if let Err(error) = ended {
            tracing::debug!(error, "connection failed");
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
                HEAD_TIMEOUT
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
