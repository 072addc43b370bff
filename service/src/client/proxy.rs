//! Reaches a host directly, or through the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name.

use std::io;
use std::time::Duration;

use hyper::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tower_service::Service as _;

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
    let mut tunnel = Tunnel::new(proxy.uri().clone(), Established(Some(TokioIo::new(stream))));
    if let Some(credentials) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(credentials.clone());
    }
    let refused = |reason: String| ConnectError::Refused {
        proxy: proxy_name.clone(),
        host: name(uri),
        reason,
    };
    // The tunnel's own default would be 443 for every scheme.
    let target = format!("{}://{}", uri.scheme_str().unwrap_or("http"), name(uri));
    let target = target
        .parse()
        .map_err(|_| refused("the address is unusable".to_owned()))?;
    match timeout(limit, tunnel.call(target)).await {
        Ok(Ok(stream)) => Ok(stream.into_inner()),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Err(_) => Err(refused(format!("no answer within {} s", limit.as_secs()))),
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

/// A connector that hands over a connection that is already established.
struct Established(Option<TokioIo<TcpStream>>);

impl tower_service::Service<Uri> for Established {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let stream = self.0.take();
        std::future::ready(stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)))
    }
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
