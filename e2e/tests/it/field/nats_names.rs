//! Names of NATS servers that have no address.

use anyhow::{Result, ensure};
use e2e::eventually;

use super::nats::Server;
use super::standalone::{Standalone, folder};

const UNKNOWN: &str = "cannot find the address of nats.typo.invalid:4222: ";

/// Waits until NATS is connected. The process has no emitter, so `/readyz` always has a reason.
async fn is_connected(ingestor: &Standalone) -> Result<()> {
    eventually("NATS is connected", async || {
        let reason = ingestor.http.reason().await?;
        ensure!(!reason.contains("nats:"), "{reason}");
        Ok(())
    })
    .await
}

async fn start(nats_url: &str) -> Result<Standalone> {
    let flags = [("--emitter-url", "ws://127.0.0.1:1"), ("--nats-url", nats_url)];
    Standalone::start("ingestor", &flags, &[]).await
}

#[tokio::test]
async fn unknown_name_is_reported_once_with_the_resolvers_reason() -> Result<()> {
    let ingestor = start("nats://somebody:s3cret@nats.typo.invalid:4222").await?;
    let reason = ingestor.says(&format!("nats: not connected: {UNKNOWN}")).await?;
    ensure!(
        reason.contains("failed to lookup address") || reason.contains("no answer"),
        "the resolver's text: {reason}"
    );
    let log = ingestor.process.log()?;
    ensure!(
        log.matches(UNKNOWN).count() == 1 && !log.contains("s3cret"),
        "{log}"
    );
    Ok(())
}

#[tokio::test]
async fn unknown_name_beside_a_server_is_reported_and_does_not_keep_us_from_that_server() -> Result<()> {
    let mut server = Server::start(&folder()?, "").await?;
    let port = server.port;
    let ingestor = start(&format!("nats://nats.typo.invalid:4222,{}", server.url())).await?;
    is_connected(&ingestor).await?;
    let log = ingestor.process.log()?;
    ensure!(log.contains(UNKNOWN), "{log}");

    server.process.kill().await?;
    ingestor
        .says(&format!("cannot connect to 127.0.0.1:{port}: "))
        .await?;
    ingestor.says(UNKNOWN).await?;
    server.process.start()?;
    is_connected(&ingestor).await
}
