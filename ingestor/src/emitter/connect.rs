//! Opens the emitter's WebSocket: address, proxy, TLS, redirects.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderMap, LOCATION};
use hyper::{Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use service::client::cause::Cause;
use service::client::{proxy, retry_after, tls};
use service::clock;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::emitter::address::EmitterUrl;
use crate::emitter::headers::HeadersFile;
use crate::emitter::{handshake, headers};

/// How long connecting to a host, or to its proxy, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long TLS and the handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// The longest pause that an emitter may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// The largest frame, in bytes; a larger one ends the connection. Events are rejected at a much smaller size.
const MAX_FRAME: usize = 16 * 1024 * 1024;

type Stream = MaybeTlsStream<TcpStream>;

/// An open connection to the emitter.
pub type Socket = WebSocketStream<Stream>;

/// What connections to the emitter need. The files are read again for each connection.
#[derive(Clone, Debug)]
pub struct Access {
    /// The emitter's WebSocket.
    pub url: EmitterUrl,
    /// Additional headers of the handshake.
    pub headers_file: Option<HeadersFile>,
    /// Additional authorities.
    pub ca_file: Option<PathBuf>,
    /// The certificate to show.
    pub identity: Option<tls::Identity>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A file of headers or certificates cannot be used.
    #[error("{0:#}")]
    Configuration(anyhow::Error),
    /// The host cannot be reached.
    #[error(transparent)]
    Unreachable(#[from] proxy::ConnectError),
    /// TLS failed, for example because a certificate is missing, expired or untrusted.
    #[error("TLS with {host} failed: {}", Cause::of(.source))]
    Tls {
        /// Host and port.
        host: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The server does not speak HTTP.
    #[error("no HTTP response from {host}: {source}")]
    Http {
        /// Host and port.
        host: String,
        /// The cause.
        source: hyper::Error,
    },
    /// The handshake took too long.
    #[error("no response from {host} to the handshake within {} s", HANDSHAKE_TIMEOUT.as_secs())]
    TimedOut {
        /// Host and port.
        host: String,
    },
    /// The server refuses the handshake.
    #[error("{host} refused the handshake: {status}")]
    Refused {
        /// Host and port.
        host: String,
        /// The status of its response.
        status: StatusCode,
        /// The pause that it asks for.
        pause: Option<Duration>,
    },
    /// The server's response is not a WebSocket handshake.
    #[error("{host} does not speak WebSocket: {reason}")]
    NotWebSocket {
        /// Host and port.
        host: String,
        /// What is wrong with its response.
        reason: &'static str,
    },
    /// A redirect that is not followed.
    #[error("{host} redirects {reason}")]
    Redirect {
        /// Host and port.
        host: String,
        /// Why it is not followed.
        reason: &'static str,
    },
}

impl ConnectError {
    /// How long the server asks us to wait before the next attempt.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::Refused { pause, .. } => *pause,
            _ => None,
        }
    }
}

/// How the server answered one handshake.
enum Answer {
    Connected(Box<Socket>),
    Redirected(EmitterUrl),
}

impl Access {
    /// Checks the files.
    ///
    /// # Errors
    /// Fails if a file cannot be used; the error names its flag.
    pub fn check(&self) -> anyhow::Result<()> {
        self.headers()?;
        tls::config(self.ca_file.as_deref(), self.identity.as_ref()).map(drop)
    }

    fn headers(&self) -> anyhow::Result<HeaderMap> {
        let mut headers = match &self.headers_file {
            Some(file) => file.read(&self.url)?,
            None => HeaderMap::new(),
        };
        if let Some((name, value)) = headers::basic(self.url.url()) {
            headers.entry(name).or_insert(value);
        }
        Ok(headers)
    }

    /// Connects.
    ///
    /// # Errors
    /// Fails if there is no connection.
    pub async fn connect(&self) -> Result<Socket, ConnectError> {
        let mut target = self.url.clone();
        let mut secrets = self.headers().map_err(ConnectError::Configuration)?;
        for _ in 0..=MAX_REDIRECTS {
            match self.handshake(&target, &secrets).await? {
                Answer::Connected(socket) => return Ok(*socket),
                Answer::Redirected(to) => {
                    if to.url().origin() != target.url().origin() || to.host() != target.host() {
                        // Another host must not receive the secrets of this one.
                        secrets.clear();
                    }
                    target = to;
                }
            }
        }
        Err(ConnectError::Redirect {
            host: self.url.host(),
            reason: "in circles",
        })
    }

    async fn handshake(&self, target: &EmitterUrl, headers: &HeaderMap) -> Result<Answer, ConnectError> {
        let not_usable = |reason| ConnectError::NotWebSocket {
            host: target.host(),
            reason,
        };
        let uri = http_uri(target.url()).ok_or_else(|| not_usable("its address is unusable"))?;
        let tcp = proxy::connect(&uri, CONNECT_TIMEOUT).await?;
        let shaking = async {
            let stream = self.encrypted(target, tcp).await?;
            exchange_handshake(target, &uri, stream, headers).await
        };
        match timeout(HANDSHAKE_TIMEOUT, shaking).await {
            Ok(answer) => answer,
            Err(_) => Err(ConnectError::TimedOut { host: target.host() }),
        }
    }

    async fn encrypted(&self, target: &EmitterUrl, tcp: TcpStream) -> Result<Stream, ConnectError> {
        if target.url().scheme() != "wss" {
            return Ok(MaybeTlsStream::Plain(tcp));
        }
        let config = tls::config(self.ca_file.as_deref(), self.identity.as_ref());
        let config = config.map_err(ConnectError::Configuration)?;
        let failed = |source| ConnectError::Tls {
            host: target.host(),
            source,
        };
        let host = target
            .url()
            .host_str()
            .unwrap_or_default()
            .trim_matches(['[', ']']);
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| failed(std::io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, tcp).await.map_err(failed)?;
        Ok(MaybeTlsStream::Rustls(stream))
    }
}

/// Sends the handshake and reads its response.
async fn exchange_handshake(
    target: &EmitterUrl,
    uri: &Uri,
    stream: Stream,
    headers: &HeaderMap,
) -> Result<Answer, ConnectError> {
    let host = || target.host();
    let failed = |source| ConnectError::Http { host: host(), source };
    let wrong = |reason| ConnectError::NotWebSocket { host: host(), reason };
    let key = generate_key();
    let request = handshake::request(uri, &key, headers).ok_or_else(|| wrong("its address is unusable"))?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .title_case_headers(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection.with_upgrades()));
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status();
    if status.is_redirection() {
        return redirect(target, &response).map(Answer::Redirected);
    }
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let pause = retry_after::of(response.headers(), clock::now(), MAX_RETRY_AFTER);
        return Err(ConnectError::Refused {
            host: host(),
            status,
            pause,
        });
    }
    handshake::check(response.headers(), &key).map_err(wrong)?;
    let upgraded = hyper::upgrade::on(response).await.map_err(failed)?;
    let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else {
        return Err(wrong("the connection was replaced"));
    };
    let config = WebSocketConfig::default()
        .max_frame_size(Some(MAX_FRAME))
        .max_message_size(Some(MAX_FRAME));
    let (stream, read) = (parts.io.into_inner(), parts.read_buf.to_vec());
    let socket = WebSocketStream::from_partially_read(stream, read, Role::Client, Some(config)).await;
    Ok(Answer::Connected(Box::new(socket)))
}

/// Where a redirect leads.
fn redirect<B>(target: &EmitterUrl, response: &Response<B>) -> Result<EmitterUrl, ConnectError> {
    let unusable = |reason| ConnectError::Redirect {
        host: target.host(),
        reason,
    };
    let location = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| unusable("without saying where to"))?;
    let mut to = target
        .url()
        .join(location)
        .map_err(|_| unusable("to an address that is unusable"))?;
    let scheme = match to.scheme() {
        "https" | "wss" => "wss",
        "http" | "ws" if target.url().scheme() == "wss" => {
            return Err(unusable("from TLS to a connection without it"));
        }
        "http" | "ws" => "ws",
        _ => return Err(unusable("to an address that is unusable")),
    };
    // All four schemes have hosts and ports, so each can replace another.
    to.set_scheme(scheme)
        .map_err(|()| unusable("to an address that is unusable"))?;
    EmitterUrl::of(&to).map_err(|_| unusable("to an address that is unusable"))
}

/// The address with the scheme of HTTP, without user and password.
fn http_uri(url: &Url) -> Option<Uri> {
    let scheme = if url.scheme() == "wss" { "https" } else { "http" };
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{host}{port}{}{query}", url.path())
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> EmitterUrl {
        text.parse().unwrap()
    }

    #[test]
    fn redirects_are_resolved_and_never_give_up_tls() {
        let to = |from: &str, location: &str| {
            let response = Response::builder()
                .status(307)
                .header(LOCATION, location)
                .body(())
                .unwrap();
            redirect(&target(from), &response).map(|to| to.url().to_string())
        };
        assert_eq!(to("ws://a:1/x", "/y?z").unwrap(), "ws://a:1/y?z");
        assert_eq!(to("ws://a:1/x", "https://b/y").unwrap(), "wss://b/y");
        assert_eq!(to("wss://a", "wss://b:8/").unwrap(), "wss://b:8/");
        assert!(to("wss://a", "http://a/").is_err());
        assert!(to("ws://a", "ftp://a/").is_err());
    }

    #[test]
    fn user_and_password_are_no_part_of_the_request() {
        let uri = http_uri(target("wss://user:word@a.example/feed?x=1").url()).unwrap();
        assert_eq!(uri.to_string(), "https://a.example/feed?x=1");
    }
}
