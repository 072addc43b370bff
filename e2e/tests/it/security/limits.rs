//! Clients that are too many, too large or too frequent.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::HttpResponse;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, WAIT_TIMEOUT, eventually};
use reqwest::StatusCode;
use simulator::world::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// What the gateway answers to these bytes, until it closes the connection.
async fn answer_to(site: &Pipeline, bytes: &[u8]) -> Result<String> {
    let address = site
        .instance(Role::Gateway, 0)?
        .http
        .base()
        .replace("http://", "");
    let mut stream = TcpStream::connect(address).await?;
    // It may close the connection before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = timeout(WAIT_TIMEOUT, stream.read_to_end(&mut answer)).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Checks that a new visitor is shown.
async fn goes_on(site: &Pipeline) -> Result<()> {
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await.map(drop)
}

#[tokio::test]
async fn clients_beyond_the_limit_get_503() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--max-clients", "2")
        .start()
        .await?;
    let [first, _second] = [site.viewer().await?, site.viewer().await?];
    let refused = site.viewer().await.err().context("a third viewer was let in")?;
    ensure!(format!("{refused:#}").contains("503"), "{refused:#}");
    drop(first);
    eventually("there is room again", async || site.viewer().await).await?;
    let counted = site
        .metric(Role::Gateway, "visitor_gateway_clients_refused_total")
        .await?;
    ensure!(counted >= 1);
    Ok(())
}

#[tokio::test]
async fn requests_beyond_the_rate_get_429() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--request-rate", "1")
        .start()
        .await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let refused = eventually("a request is refused", async || {
        let answer = gateway.get("/api/stats").await?;
        ensure!(
            answer.status == StatusCode::TOO_MANY_REQUESTS,
            "{}",
            answer.status
        );
        Ok(answer)
    })
    .await?;
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(
        gateway.get("/readyz").await?.status,
        StatusCode::OK,
        "health is not limited"
    );
    eventually("it is answered again", async || {
        let answer = gateway.get("/api/stats").await?;
        ensure!(answer.status == StatusCode::OK, "{}", answer.status);
        Ok(())
    })
    .await
}

/// Holds this many connections open, on which nothing is asked.
async fn hold(site: &Pipeline, count: usize) -> Result<Vec<TcpStream>> {
    let address = site
        .instance(Role::Gateway, 0)?
        .http
        .base()
        .replace("http://", "");
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(TcpStream::connect(&address).await?);
    }
    Ok(held)
}

/// The first response to a connection from this address of the machine.
async fn status_from(site: &Pipeline, source: &str, path: &str) -> Result<StatusCode> {
    let client = reqwest::Client::builder()
        .local_address(Some(source.parse()?))
        .build()?;
    let base = site.instance(Role::Gateway, 0)?.http.base();
    Ok(client.get(format!("{base}{path}")).send().await?.status())
}

#[tokio::test]
async fn one_address_cannot_use_every_connection() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--max-connections-per-address", "20")
        .start()
        .await?;
    let held = hold(&site, 40).await?;
    eventually("the address has what it may have", async || {
        let status = status_from(&site, "127.0.0.1", "/api/stats").await?;
        ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "{status}");
        Ok(())
    })
    .await?;
    let other = status_from(&site, "127.0.0.2", "/api/stats").await?;
    assert_eq!(other, StatusCode::OK, "another address is let in");
    drop(held);
    eventually("it is let in again", async || {
        let status = status_from(&site, "127.0.0.1", "/api/stats").await?;
        ensure!(status == StatusCode::OK, "{status}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn health_is_served_beyond_all_limits() -> Result<()> {
    for limit in ["--max-connections", "--max-connections-per-address"] {
        let site = Pipeline::builder()
            .flag(Role::Gateway, limit, "10")
            .start()
            .await?;
        // More than the limit and than is kept beyond it.
        let _held = hold(&site, 300).await?;
        for _ in 0..20 {
            for path in ["/healthz", "/readyz", "/metrics"] {
                let status = status_from(&site, "127.0.0.1", path).await?;
                assert_eq!(status, StatusCode::OK, "{limit}: {path}");
            }
        }
        let page = status_from(&site, "127.0.0.1", "/api/stats").await?;
        assert_eq!(page, StatusCode::SERVICE_UNAVAILABLE, "{limit}");
    }
    Ok(())
}

#[tokio::test]
async fn client_that_sends_too_much_is_disconnected() -> Result<()> {
    let site = Pipeline::start().await?;
    let (loud, other) = (site.viewer().await?, site.viewer().await?);
    for _ in 0..2_000 {
        if loud.say(Message::Ping("?".into())).await.is_err() {
            break;
        }
    }
    // Other frames may arrive before the close frame.
    let _ = loud.closed().await;
    let sent_away = "visitor_gateway_clients_too_talkative_total";
    assert_eq!(site.metric(Role::Gateway, sent_away).await?, 1);
    goes_on(&site).await?;
    other.missed_nothing()
}

#[tokio::test]
async fn snapshot_requests_of_a_client_are_limited() -> Result<()> {
    let site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    for _ in 0..50 {
        viewer.say(Message::text(r#"{"type":"snapshot"}"#)).await?;
    }
    let view = viewer
        .sees("three more frames", |view| {
            view.snapshots >= 2 && view.deltas >= 3
        })
        .await?;
    ensure!(view.snapshots < 10, "{} snapshots", view.snapshots);
    Ok(())
}

#[tokio::test]
async fn rejects_oversized_input() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--access-token", "open-sesame")
        .start()
        .await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let form = gateway
        .post_form("/login", &format!("token={}", "x".repeat(100_000)))
        .await?;
    assert_eq!(form.status, StatusCode::PAYLOAD_TOO_LARGE);
    let request = gateway.request("/api/stats").header("x", "y".repeat(100_000));
    match HttpResponse::of(request).await {
        Ok(answer) => assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        // It is not read to its end.
        Err(error) => ensure!(format!("{error:#}").contains("connection"), "{error:#}"),
    }
    let endless = format!("GET /{} HTTP/1.1\r\n", "a".repeat(1 << 20));
    let answer = answer_to(&site, endless.as_bytes()).await?;
    ensure!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    gateway.ready().await
}

#[tokio::test]
async fn paths_outside_the_assets_are_not_served() -> Result<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("traversal");
    let assets = folder.join("assets");
    std::fs::create_dir_all(&assets)?;
    std::fs::write(assets.join("index.html"), "the page")?;
    std::fs::write(folder.join("secret.txt"), "a-secret")?;
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--assets", &assets.to_string_lossy())
        .start()
        .await?;
    let absolute = folder.join("secret.txt").to_string_lossy().into_owned();
    let paths = [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%252e%252e/secret.txt",
        "/.%00./secret.txt",
        "/..;/secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "//../secret.txt",
        &format!("/{absolute}"),
        &format!("/{}", absolute.replace('/', "%2f")),
        "http://127.0.0.1/../secret.txt",
    ];
    for path in paths {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = answer_to(&site, request.as_bytes()).await?;
        ensure!(answer.starts_with("HTTP/1.1 "), "{path}: {answer}");
        ensure!(!answer.contains("a-secret"), "{path}: {answer}");
    }
    Ok(())
}
