//! Checks whether a server listens on an address. It sends no request, because a call may cost money.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::Uri;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use super::plan::{Finding, Target};
use super::settings::place;
use crate::client::proxy::{self, ConnectError};
use crate::client::tls;

/// How long connecting, a proxy's answer and the TLS handshake may take, each.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Connects to a target as the process would, through the proxy of the environment if there is one, and disconnects.
pub(super) async fn look(target: &Target) -> Finding {
    let whom = format!("{} {}", target.name, place(&target.url));
    match connect(target).await {
        Ok(how) => Finding::Ok(format!("{whom}: {how}")),
        Err(error) => match error.downcast_ref() {
            Some(ConnectError::Unsupported { proxy }) if target.url.scheme() == "https" => Finding::Note(
                format!("{whom}: not checked, because {proxy} is not an http:// proxy"),
            ),
            // Its text names the cause.
            Some(unreachable) => Finding::Problem(format!("{whom}: {unreachable}")),
            None => Finding::Problem(format!("{whom}: {error:#}")),
        },
    }
}

async fn connect(target: &Target) -> anyhow::Result<&'static str> {
    let url = &target.url;
    let secure = matches!(url.scheme(), "https" | "wss" | "tls");
    let uri = http_uri(url, secure)?;
    // A client of plain HTTP sends its requests to the proxy, and asks for no tunnel.
    if url.scheme() == "http" && proxy::applies_to(&uri) {
        proxy::connect_to_proxy(&uri, TIMEOUT).await?;
        return Ok("its proxy accepts connections; no request was sent");
    }
    let stream = proxy::connect(&uri, TIMEOUT).await?;
    if !secure {
        return Ok("accepts connections; no request was sent");
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).context("its name cannot be in a certificate")?;
    let config = tls::config(target.ca_file.as_deref(), target.identity.as_ref())?;
    timeout(
        TIMEOUT,
        TlsConnector::from(Arc::new(config)).connect(name, stream),
    )
    .await
    .context("no TLS handshake within 3 s")?
    .context("its certificate or TLS cannot be used")?;
    Ok("accepts connections with TLS, and its certificate is trusted; no request was sent")
}

/// Scheme, host and port, for the rules of proxies.
fn http_uri(url: &Url, secure: bool) -> anyhow::Result<Uri> {
    let scheme = if secure { "https" } else { "http" };
    let host = url.host_str().context("has no host")?;
    let port = url.port_or_known_default().context("has no port")?;
    Ok(format!("{scheme}://{host}:{port}/").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(port: u16, scheme: &str) -> Target {
        Target {
            name: "Somebody".to_owned(),
            url: format!("{scheme}://127.0.0.1:{port}/x?key=secret")
                .parse()
                .unwrap(),
            ca_file: None,
            identity: None,
        }
    }

    #[tokio::test]
    async fn says_whether_somebody_listens_and_keeps_keys_to_itself() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = look(&target(port, "ws")).await;
        assert!(
            matches!(&found, Finding::Ok(text) if !text.contains("secret")),
            "{found:?}"
        );
        drop(listener);
        let found = look(&target(port, "ws")).await;
        assert!(
            matches!(&found, Finding::Problem(text) if text.contains("cannot connect")),
            "{found:?}"
        );
    }

    #[tokio::test]
    async fn plain_text_is_no_tls() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let hang_up = async {
            drop(listener.accept().await);
        };
        let target = target(port, "https");
        let (found, ()) = tokio::join!(look(&target), hang_up);
        assert!(
            matches!(&found, Finding::Problem(text) if text.contains("TLS")),
            "{found:?}"
        );
    }
}
