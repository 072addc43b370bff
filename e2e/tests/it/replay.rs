//! `ingestor replay`: after a fix, what was rejected is sent through again.

use std::process::Command;

use anyhow::{Result, ensure};
use async_nats::HeaderMap;
use e2e::processes::{Pipeline, workspace_binary};
use e2e::{Visitor, eventually};
use protocol::rejection::LENGTH_HEADER;
use simulator::world::Kind;

/// Has a message lie among the rejected ones as if the process had been too old to understand it.
async fn reject(site: &Pipeline, process: &str, payload: &str, length: usize) -> Result<()> {
    let jetstream = async_nats::jetstream::new(site.nats.client(process).await?);
    let mut headers = HeaderMap::new();
    headers.insert(LENGTH_HEADER, length.to_string());
    let subject = format!("visitor.rejected.{process}.unknown-event-type");
    let ack = jetstream
        .publish_with_headers(subject, headers, payload.to_owned().into())
        .await?;
    ack.await?;
    Ok(())
}

/// What `ingestor replay` says.
async fn replay(site: &Pipeline) -> Result<String> {
    let mut command = Command::new(workspace_binary("ingestor")?);
    command
        .args(["--nats-url", &site.nats.url(), "replay"])
        .env_clear();
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

async fn left(site: &Pipeline) -> Result<u64> {
    let jetstream = site.operator().await?;
    let stream = jetstream.get_stream("VISITOR_REJECTED").await?;
    Ok(stream.cached_info().state.messages)
}

#[tokio::test]
async fn valid_messages_are_replayed_and_the_rest_stays() -> Result<()> {
    let site = Pipeline::start().await?;
    let [first, second] = [1, 2].map(|n| Visitor::from(&site.ip(Kind::Full, n)));
    for (process, visitor) in [("ingestor", &first), ("enricher", &second)] {
        let event = visitor.opened(0).to_json();
        reject(&site, process, &event, event.len()).await?;
    }
    let event = Visitor::from(&site.ip(Kind::Full, 3)).opened(0).to_json();
    reject(&site, "ingestor", &event, 100_000).await?;
    reject(&site, "gateway", "{}", 2).await?;
    site.emitter.send_text("nothing");
    eventually("all five are rejected", async || {
        let left = left(&site).await?;
        ensure!(left == 5, "{left} are");
        Ok(())
    })
    .await?;

    let said = replay(&site).await?;
    assert_eq!(
        said,
        "2 sent through again, 1 still cannot be used, 1 were truncated, 1 are not events"
    );
    site.shows(&first).await?;
    site.shows(&second).await?;
    assert_eq!(left(&site).await?, 3);
    assert!(replay(&site).await?.starts_with("0 sent through again"));
    Ok(())
}

#[tokio::test]
async fn replay_without_rejected_messages_does_nothing() -> Result<()> {
    let site = Pipeline::start().await?;
    assert!(replay(&site).await?.starts_with("0 sent through again, 0 still"));
    Ok(())
}
