//! What the processes say over HTTP.

use anyhow::{Result, ensure};
use e2e::eventually;
use e2e::processes::{Pipeline, Role};
use protocol::frame::{Frame, Snapshot, Stats};
use reqwest::StatusCode;
use serde_json::Value;
use simulator::world::Kind;

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
    // The time goes on between the two answers.
    let age = stats.average_session_seconds;
    assert_eq!(
        Stats {
            average_session_seconds: age,
            ..apart
        },
        stats
    );
    eventually("the pipeline tells of all processes", async || {
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
    for outside in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/..%2fCargo.toml"] {
        assert!(
            !gateway.get(outside).await?.text.contains("[package]"),
            "{outside}"
        );
    }
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
