//! TLS on all connections, if configured.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::ConnectOptions;
use e2e::clients::Http;
use e2e::processes::{Certificates, Pipeline, Role, workspace_binary};
use e2e::{Visitor, WAIT_TIMEOUT, eventually};
use futures_util::StreamExt as _;
use reqwest::StatusCode;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use simulator::world::Kind;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

/// Longer than the gateway takes to notice a changed file.
const BETWEEN_FILES: Duration = Duration::from_secs(3);

/// What a client needs to trust the gateway.
fn connector(made: &Certificates) -> Result<Connector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(made.authority())?)?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

#[tokio::test]
async fn all_connections_use_tls_when_configured() -> Result<()> {
    let site = Pipeline::builder()
        .encrypted()
        .flag(Role::Gateway, "--access-token", "open-sesame")
        .start()
        .await?;
    let made = site.certificates.as_ref().context("no certificates")?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let login = gateway.post_form("/login", "token=open-sesame").await?;
    let cookie = login.headers["set-cookie"].to_str()?;
    ensure!(cookie.ends_with("; Secure"), "{cookie}");
    ensure!(
        login.headers["strict-transport-security"]
            .to_str()?
            .contains("max-age=")
    );

    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    eventually("the visitor is shown", async || {
        let request = gateway.request("/api/sessions").bearer_auth("open-sesame");
        let answer = e2e::clients::HttpResponse::of(request).await?;
        ensure!(answer.text.contains(&visitor.guid), "{}", answer.text);
        Ok(())
    })
    .await?;
    let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(
        format!("{}/ws", gateway.base().replacen("https", "wss", 1)),
    )?;
    let pass = cookie.split(';').next().unwrap_or_default();
    request.headers_mut().insert("cookie", pass.parse()?);
    request.headers_mut().insert("origin", gateway.base().parse()?);
    let (mut socket, _) = connect_async_tls_with_config(request, None, false, Some(connector(made)?)).await?;
    let frame = timeout(WAIT_TIMEOUT, socket.next())
        .await?
        .context("no frame")??;
    ensure!(frame.to_text()?.contains(&visitor.guid));
    Ok(())
}

#[tokio::test]
async fn plaintext_connections_are_refused() -> Result<()> {
    let site = Pipeline::builder().encrypted().start().await?;
    let made = site.certificates.as_ref().context("no certificates")?;
    let base = site.instance(Role::Gateway, 0)?.http.base();
    let plain = Http::new(&base.replacen("https", "http", 1))?;
    ensure!(
        plain.get("/healthz").await.is_err(),
        "the gateway speaks HTTP without TLS"
    );
    let strange = Http::new(base)?;
    ensure!(
        strange.get("/healthz").await.is_err(),
        "a strange authority is trusted"
    );

    let operator = || ConnectOptions::with_user_and_password("operator".into(), "operator".into());
    let without = operator().add_root_certificates(made.authority());
    ensure!(
        without.connect(site.nats.url()).await.is_err(),
        "NATS lets in who has no certificate"
    );
    let with = operator()
        .add_root_certificates(made.authority())
        .add_client_certificate(made.certificate(), made.key());
    with.connect(site.nats.url()).await?;
    Ok(())
}

#[tokio::test]
async fn nats_server_of_another_authority_is_not_trusted() -> Result<()> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("another-authority");
    std::fs::create_dir_all(&folder)?;
    let another = Certificates::make(&folder)?;
    let mut site = Pipeline::builder()
        .encrypted()
        .flag(
            Role::Ingestor,
            "--nats-ca",
            &another.authority().to_string_lossy(),
        )
        .launch()
        .await?;
    site.nats.process.start()?;
    eventually("the enricher is ready", async || {
        site.instance(Role::Enricher, 0)?.http.ready().await
    })
    .await?;
    let reason = site.instance(Role::Ingestor, 0)?.http.reason().await?;
    ensure!(reason.contains("nats"), "{reason}");
    site.ingestor()?.process.running()
}

/// The certificate that the gateway shows.
async fn shown(made: &Certificates, base: &str) -> Result<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(made.authority())?)?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(base.trim_start_matches("https://")).await?;
    let name = ServerName::try_from("127.0.0.1")?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let (_, session) = stream.get_ref();
    let certificates = session.peer_certificates().context("no certificate")?;
    Ok(certificates.first().context("no certificate")?.to_vec())
}

#[tokio::test]
async fn changed_certificate_is_read_again() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--http-listen", "127.0.0.1:0")
        .encrypted()
        .start()
        .await?;
    let made = site.certificates.as_ref().context("no certificates")?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let before = shown(made, gateway.base()).await?;
    let expiry = gateway
        .metric("visitor_gateway_tls_certificate_expiry_timestamp_seconds{flag=\"--tls-cert\"}")
        .await?;
    // Certificates of tests expire in the distant future.
    assert!(expiry > 4_000_000_000, "{expiry}");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("renewed");
    std::fs::create_dir_all(&folder)?;
    let renewed = Certificates::make(&folder)?;
    // Between the two, they do not go together.
    std::fs::copy(renewed.certificate(), made.certificate())?;
    sleep(BETWEEN_FILES).await;
    assert_eq!(shown(made, gateway.base()).await?, before, "the old one stays");
    std::fs::copy(renewed.key(), made.key())?;
    let after = eventually("the new one is shown", async || {
        shown(&renewed, gateway.base()).await
    })
    .await?;
    assert_ne!(after, before);
    Ok(())
}

#[tokio::test]
async fn healthcheck_works_beside_tls() -> Result<()> {
    let site = Pipeline::builder()
        .encrypted()
        .flag(Role::Gateway, "--http-listen", "127.0.0.1:0")
        .start()
        .await?;
    let gateway = site.instance(Role::Gateway, 0)?;
    let log = gateway.process.log()?;
    let own = gateway.http.base().replace("https://", "");
    let beside = log
        .split("address=")
        .skip(1)
        .filter_map(|rest| rest.split_whitespace().next())
        .find(|address| *address != own)
        .context(log.clone())?;
    let answer = Http::new(&format!("http://{beside}"))?.get("/readyz").await?;
    assert_eq!(answer.status, StatusCode::OK);
    let made = site.certificates.as_ref().context("no certificates")?;
    let health_check = |flags: &[&str]| -> Result<(Option<i32>, String)> {
        let output = Command::new(workspace_binary("gateway")?)
            .args(["--listen", &own, "--tls-cert"])
            .arg(made.certificate())
            .arg("--tls-key")
            .arg(made.key())
            .args(flags)
            .arg("healthcheck")
            .env_clear()
            .output()?;
        Ok((output.status.code(), String::from_utf8(output.stderr)?))
    };
    let (code, said) = health_check(&["--http-listen", beside])?;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = health_check(&[])?;
    assert_eq!(code, Some(64), "{said}");
    ensure!(said.contains("--http-listen"), "{said}");
    Ok(())
}
