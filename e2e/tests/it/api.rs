//! The HTTP responses of the processes.

use anyhow::{Result, ensure};
use e2e::clients::HttpResponse;
use e2e::processes::{Pipeline, Role};
use e2e::{WAIT_TIMEOUT, eventually};
use protocol::frame::{Frame, Snapshot, Stats};
use reqwest::StatusCode;
use serde_json::Value;
use simulator::world::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn sessions_are_the_snapshot_and_stats_and_pipeline_parts_of_it() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let visitors = site.arrive(Kind::CompanyOnly, (0..10).map(|n| n % 4));
    site.view_is_right().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;

    let sessions = gateway.get("/api/sessions").await?;
    assert_eq!(sessions.headers["content-type"], "application/json");
    let Frame::Snapshot(Snapshot { sessions, stats, .. }) = serde_json::from_str(&sessions.text)? else {
        anyhow::bail!("no snapshot: {}", sessions.text);
    };
    assert_eq!(sessions.len(), visitors.len());
    let apart = gateway.stats().await?;
    // Time passes between the two responses.
    let age = stats.average_session_seconds;
    assert_eq!(
        Stats {
            average_session_seconds: age,
            ..apart
        },
        stats
    );
    eventually("the pipeline lists all processes", async || {
        let pipeline = serde_json::to_value(gateway.pipeline().await?)?;
        let processes = pipeline["processes"].as_array().into_iter().flatten();
        let names: Vec<_> = processes
            .filter_map(|process| process["process"].as_str())
            .collect();
        ensure!(
            names == ["enricher", "enricher", "gateway", "ingestor"],
            "{names:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn gateway_runs_without_assets_and_says_so() -> Result<()> {
    let site = Pipeline::start().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let answer = gateway.get("/").await?;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.text.contains("--assets"), "{}", answer.text);
    assert!(gateway.sessions().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn page_is_served_with_its_assets() -> Result<()> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(folder.join("assets"))?;
    std::fs::write(folder.join("index.html"), "<!doctype html><title>Who</title>")?;
    std::fs::write(folder.join("assets/app.js"), "console.log(1)")?;
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--assets", &folder.to_string_lossy())
        .start()
        .await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let page = gateway.get("/").await?;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("<title>Who</title>"));
    assert!(page.headers["content-type"].to_str()?.starts_with("text/html"));
    assert!(
        page.headers["content-security-policy"]
            .to_str()?
            .contains("default-src 'self'")
    );
    let script = gateway.get("/assets/app.js").await?;
    assert_eq!(script.text, "console.log(1)");
    assert!(script.headers["content-type"].to_str()?.contains("javascript"));
    let kept = |answer: &HttpResponse| answer.headers["cache-control"].to_str().map(str::to_owned);
    assert_eq!(kept(&page)?, "no-cache");
    assert!(kept(&script)?.contains("immutable"));
    for missing in ["/assets/app-of-last-week.js", "/nowhere", "/assets/"] {
        let answer = gateway.get(missing).await?;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}: {}", answer.text);
        assert_eq!(kept(&answer)?, "no-cache", "{missing}");
    }
    for outside in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/..%2fCargo.toml"] {
        assert!(
            !gateway.get(outside).await?.text.contains("[package]"),
            "{outside}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn anything_else_under_api_is_not_found() -> Result<()> {
    let site = Pipeline::start().await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    for path in ["/api", "/api/", "/api/nothing", "/api/sessions/a", "/api/stats/"] {
        let answer = gateway.get(path).await?;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.headers["content-type"], "application/json", "{path}");
        ensure!(serde_json::from_str::<Value>(&answer.text)?["error"].is_string());
    }
    Ok(())
}

#[tokio::test]
async fn compressed_file_has_a_weak_entity_tag_that_is_recognised() -> Result<()> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("compressed-page");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("index.html"), "<!doctype html>".repeat(100))?;
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--assets", &folder.to_string_lossy())
        .start()
        .await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let plain = gateway.get("/").await?;
    ensure!(!plain.headers["etag"].to_str()?.starts_with("W/"));
    let request = || gateway.request("/").header("accept-encoding", "gzip");
    let compressed = request().send().await?;
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    let tag = compressed.headers()["etag"].to_str()?.to_owned();
    ensure!(tag.starts_with("W/\""), "{tag}");
    let again = request().header("if-none-match", &tag).send().await?;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    Ok(())
}

#[tokio::test]
async fn websocket_opens_with_several_connection_headers() -> Result<()> {
    let site = Pipeline::start().await?;
    let address = site
        .instance(Role::Gateway, 0)?
        .http
        .base()
        .replace("http://", "");
    let mut stream = TcpStream::connect(&address).await?;
    let request = "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\nconnection: Upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 12];
    timeout(WAIT_TIMEOUT, stream.read_exact(&mut answer)).await??;
    assert_eq!(&answer, b"HTTP/1.1 101");
    Ok(())
}

#[tokio::test]
async fn every_process_serves_health_and_metrics() -> Result<()> {
    let site = Pipeline::start().await?;
    for role in Role::ALL {
        let instance = &site.instance(role, 0)?.http;
        for path in ["/healthz", "/readyz"] {
            let answer = instance.get(path).await?;
            assert_eq!(answer.status, StatusCode::OK, "{} {path}", role.name());
            serde_json::from_str::<Value>(&answer.text)?;
        }
        let metrics = instance.get("/metrics").await?;
        assert!(metrics.headers["content-type"].to_str()?.contains("text"));
        for line in metrics.text.lines().filter(|line| !line.starts_with('#')) {
            let value = line.rsplit(' ').next().unwrap_or_default();
            assert!(
                line.starts_with(&format!("visitor_{}_", role.name())) || line.starts_with("process_"),
                "{line}"
            );
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn unready_process_is_alive_and_says_why() -> Result<()> {
    let site = Pipeline::builder().launch().await?;
    for role in Role::ALL {
        let instance = &site.instance(role, 0)?.http;
        let reason = eventually("it says why it is not ready", async || instance.reason().await).await?;
        assert!(reason.contains("nats"), "{}: {reason}", role.name());
        assert_eq!(instance.get("/healthz").await?.status, StatusCode::OK);
    }
    for path in ["/api/sessions", "/api/stats", "/api/pipeline"] {
        let answer = site.instance(Role::Gateway, 0)?.http.get(path).await?;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(serde_json::from_str::<Value>(&answer.text)?["error"].is_string());
    }
    Ok(())
}
