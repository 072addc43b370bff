//! Checks whether a server listens on an address. It sends no request, because a call may cost money.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

use super::plan::{Finding, Target};
use super::settings::place;

/// How long resolving, connecting and the TLS handshake may take, each.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Connects to a target and disconnects.
pub(super) async fn look(target: &Target) -> Finding {
    let whom = format!("{} {}", target.name, place(&target.url));
    match connect(&target.url).await {
        Ok(how) => Finding::Ok(format!("{whom}: {how}")),
        Err(error) => Finding::Problem(format!("{whom}: {error:#}")),
    }
}

async fn connect(url: &Url) -> anyhow::Result<&'static str> {
    use anyhow::Context as _;

    let host = url.host_str().context("has no host")?.trim_matches(['[', ']']);
    let secure = matches!(url.scheme(), "https" | "wss" | "tls");
    let port = url.port_or_known_default().context("has no port")?;
    let stream = timeout(TIMEOUT, TcpStream::connect((host, port)))
        .await
        .context("no connection within 3 s")?
        .context("cannot connect")?;
    if !secure {
        return Ok("accepts connections; no request was sent");
    }
    let name = ServerName::try_from(host.to_owned()).context("its name cannot be in a certificate")?;
    timeout(TIMEOUT, connector().connect(name, stream))
        .await
        .context("no TLS handshake within 3 s")?
        .context("its certificate or TLS cannot be used")?;
    Ok("accepts connections with TLS, and its certificate is trusted; no request was sent")
}

fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
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
