//! Reaches a host directly, or through the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name.

use std::io;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Request, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::client::cause::Cause;
use crate::client::race;

/// Why a host cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No address is known for the host.
    #[error("cannot find the address of {host}: {source}")]
    UnknownHost {
        /// Host and port.
        host: String,
        /// The resolver's failure.
        source: io::Error,
    },
    /// No address of the host accepts a connection.
    #[error("cannot connect to {host}: {source}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// The failure of the last address.
        source: io::Error,
    },
    /// No address of the host answered in time.
    #[error("cannot connect to {host}: no answer within {} s", .after.as_secs())]
    TimedOut {
        /// Host and port.
        host: String,
        /// The timeout.
        after: Duration,
    },
    /// The proxy does not connect to the host.
    #[error("the proxy {proxy} does not connect to {host}: {reason}")]
    Refused {
        /// Host and port of the proxy.
        proxy: String,
        /// Host and port.
        host: String,
        /// The proxy's reason.
        reason: String,
    },
    /// The proxy is not reached by plain HTTP.
    #[error("the proxy {proxy} is not an http:// proxy, which is the only kind that is supported here")]
    Unsupported {
        /// Host and port of the proxy.
        proxy: String,
    },
}

/// Connects to the host and port of `uri`, which begins with `http` or `https`. A proxy opens a tunnel (`CONNECT`) for both.
///
/// # Errors
/// Fails if host or proxy cannot be reached, each within `limit`.
pub async fn connect(uri: &Uri, limit: Duration) -> Result<TcpStream, ConnectError> {
    let Some(proxy) = Matcher::from_env().intercept(uri) else {
        return direct(uri, limit).await;
    };
    let proxy_name = name(proxy.uri());
    if proxy.uri().scheme_str() != Some("http") {
        return Err(ConnectError::Unsupported { proxy: proxy_name });
    }
    let stream = direct(proxy.uri(), limit).await?;
    let host = name(uri);
    let opening = open_tunnel(stream, &host, proxy.basic_auth());
    let reason = match timeout(limit, opening).await {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(reason)) => reason,
        Err(_) => format!("no answer within {} s", limit.as_secs()),
    };
    Err(ConnectError::Refused {
        proxy: proxy_name,
        host,
        reason,
    })
}

/// Whether a proxy stands between this process and the host of `uri`.
#[must_use]
pub fn applies_to(uri: &Uri) -> bool {
    Matcher::from_env().intercept(uri).is_some()
}

/// Connects to the proxy for `uri`, or to its host if there is none.
///
/// # Errors
/// Fails if it cannot be reached within `limit`.
pub async fn connect_to_proxy(uri: &Uri, limit: Duration) -> Result<TcpStream, ConnectError> {
    match Matcher::from_env().intercept(uri) {
        Some(proxy) => direct(proxy.uri(), limit).await,
        None => direct(uri, limit).await,
    }
}

/// Asks the proxy for a tunnel to `host` (RFC 9110 section 9.3.6). Fails with the reason why there is none, such as the
/// status of its response.
async fn open_tunnel(
    stream: TcpStream,
    host: &str,
    credentials: Option<&HeaderValue>,
) -> Result<TcpStream, String> {
    let mut request = Request::connect(host).header(HOST, host);
    if let Some(credentials) = credentials {
        request = request.header(PROXY_AUTHORIZATION, credentials);
    }
    let request = request
        .body(String::new())
        .map_err(|_| "the address is unusable")?;
    let failed = |error: hyper::Error| Cause::of(&error).to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection.with_upgrades()));
    let response = sender.send_request(request).await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(response.status().to_string());
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(failed)?;
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| "the connection was replaced")?;
    if parts.read_buf.is_empty() {
        Ok(parts.io.into_inner())
    } else {
        Err("it sent data before we did".to_owned())
    }
}

async fn direct(uri: &Uri, limit: Duration) -> Result<TcpStream, ConnectError> {
    let host = name(uri);
    let connecting = async {
        let bare = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let found = lookup_host((bare, port(uri))).await;
        let addresses: Vec<_> = found
            .map_err(|source| ConnectError::UnknownHost {
                host: host.clone(),
                source,
            })?
            .collect();
        let stream = race::connect(&addresses)
            .await
            .map_err(|source| ConnectError::Unreachable {
                host: host.clone(),
                source,
            })?;
        // Small frames must not wait for the acknowledgements of others.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    };
    match timeout(limit, connecting).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ConnectError::TimedOut {
            host: host.clone(),
            after: limit,
        }),
    }
}

/// Host and port, without user and password.
fn name(uri: &Uri) -> String {
    format!("{}:{}", uri.host().unwrap_or_default(), port(uri))
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    uri.port_u16().unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_credentials() {
        let name_of = |text: &str| name(&text.parse().unwrap());
        assert_eq!(
            name_of("http://user:word@proxy.example:3128"),
            "proxy.example:3128"
        );
        assert_eq!(name_of("https://[::1]/feed?x=1"), "[::1]:443");
        assert_eq!(name_of("http://a"), "a:80");
    }
}
