//! The cost of snapshots when many clients request them, or do not read what they have requested.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::{HttpResponse, connect_narrow, connection};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use futures_util::StreamExt as _;
use reqwest::StatusCode;
use simulator::world::Kind;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::connect_async;

/// How long a snapshot is shared at least.
const SHARED_FOR: Duration = Duration::from_millis(250);

/// Maximum number of snapshots that may be held, as the gateway has it.
const MAX_HELD: u64 = 8;

/// A pipeline with this number of visitors.
async fn with_visitors(count: u32) -> Result<Pipeline> {
    let site = Pipeline::start().await?;
    site.arrive(Kind::Full, 0..count);
    eventually("all are shown", async || {
        let shown = site
            .instance(Role::Gateway, 0)?
            .http
            .stats()
            .await?
            .active_sessions;
        ensure!(shown == u64::from(count), "{shown}");
        Ok(())
    })
    .await?;
    Ok(site)
}

async fn counted(site: &Pipeline, name: &str) -> Result<u64> {
    site.metric(Role::Gateway, &format!("visitor_gateway_{name}"))
        .await
}

/// Asks for more snapshots than a narrow line holds, and reads nothing of them.
async fn ask_and_not_read(site: &Pipeline) -> Result<TcpStream> {
    let base = site.instance(Role::Gateway, 0)?.http.base();
    let address: SocketAddr = base.replace("http://", "").parse()?;
    let mut stream = connect_narrow(address).await?;
    let requests = "GET /api/sessions HTTP/1.1\r\nhost: x\r\n\r\n".repeat(20);
    stream.write_all(requests.as_bytes()).await?;
    Ok(stream)
}

#[tokio::test]
async fn concurrent_requests_share_one_snapshot() -> Result<()> {
    let site = with_visitors(300).await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let before = counted(&site, "snapshots_built_total").await?;
    let started = Instant::now();
    let client = async || {
        for _ in 0..20 {
            let request = gateway.request("/api/sessions").header("accept-encoding", "gzip");
            let answer = request.send().await?;
            ensure!(answer.status() == StatusCode::OK, "{}", answer.status());
            ensure!(answer.headers()["content-encoding"] == "gzip");
            ensure!(answer.bytes().await?.starts_with(&[0x1f, 0x8b]));
        }
        Ok(())
    };
    futures_util::future::try_join_all((0..20).map(|_| client())).await?;
    // One for each quarter of a second, and one for the rest of it.
    let most = started.elapsed().as_millis() / SHARED_FOR.as_millis() + 1;
    let built = counted(&site, "snapshots_built_total").await? - before;
    let compressed = counted(&site, "snapshots_compressed_total").await?;
    ensure!(u128::from(built) <= most, "{built} built, at most {most}");
    ensure!(compressed <= built, "{compressed} compressed of {built}");
    Ok(())
}

#[tokio::test]
async fn unread_answers_hold_few_snapshots() -> Result<()> {
    let site = with_visitors(1_000).await?;
    let mut unread = Vec::new();
    for _ in 0..3 * MAX_HELD {
        let answers = counted(&site, "snapshot_answers").await?;
        unread.push(ask_and_not_read(&site).await?);
        eventually("the answer has begun", async || {
            let now = counted(&site, "snapshot_answers").await?;
            ensure!(now > answers, "{now}");
            Ok(())
        })
        .await?;
        let held = counted(&site, "snapshots_held").await?;
        ensure!(held <= MAX_HELD, "{held} held");
        // Old enough that the next client would get a new one.
        tokio::time::sleep(SHARED_FOR).await;
    }
    // Clients that read are still served.
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    assert_eq!(gateway.sessions().await?.len(), 1_000);
    site.viewer().await?;
    drop(unread);
    eventually("nothing is held any longer", async || {
        let held = counted(&site, "snapshots_held").await?;
        let answers = counted(&site, "snapshot_answers").await?;
        ensure!((held, answers) == (0, 0), "{held} held, {answers} answers");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn one_address_does_not_take_every_answer() -> Result<()> {
    let site = with_visitors(1_000).await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let mut unread = Vec::new();
    let refused = eventually("the next is refused", async || {
        // Repeatedly, because clients that exceeded the rate send no more requests.
        for _ in 0..20 {
            unread.push(ask_and_not_read(&site).await?);
        }
        let answer = gateway.get("/api/sessions").await?;
        let sent = counted(&site, "snapshot_answers").await?;
        ensure!(
            answer.status == StatusCode::SERVICE_UNAVAILABLE,
            "{}, {sent} are being sent",
            answer.status
        );
        Ok(answer)
    })
    .await?;
    assert_eq!(refused.headers["retry-after"], "1");
    let base = gateway.base();
    let other = reqwest::Client::builder()
        .local_address(Some("127.0.0.2".parse()?))
        .build()?;
    let answer = HttpResponse::of(other.get(format!("{base}/api/sessions"))).await?;
    assert_eq!(answer.status, StatusCode::OK, "another address is answered");
    assert_eq!(gateway.get("/api/stats").await?.status, StatusCode::OK);
    Ok(())
}

/// A client that has read its snapshot, with the snapshot's length in bytes.
async fn has_its_snapshot(site: &Pipeline) -> Result<(impl Sized, usize)> {
    let base = site.instance(Role::Gateway, 0)?.http.base();
    let (mut socket, _) = connect_async(connection::websocket_url(base)).await?;
    let mut bytes = 0;
    loop {
        let part = socket
            .next()
            .await
            .context("the connection is over")??
            .into_text()?;
        bytes += part.len();
        if connection::remaining(&part)? == 0 {
            return Ok((socket, bytes));
        }
    }
}

#[tokio::test]
async fn client_costs_far_less_memory_than_its_snapshot() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitors: Vec<_> = (0..4_000)
        .map(|n| Visitor::from(&site.ip(Kind::Full, n % 20)))
        .collect();
    for some in visitors.chunks(100) {
        site.send(&some.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
    }
    site.settle().await?;
    // The first one pays for making the snapshot.
    let (_first, bytes) = has_its_snapshot(&site).await?;
    let gateway = &site.instance(Role::Gateway, 0)?.process;
    let before = gateway.memory()?;
    let mut viewers = Vec::new();
    for _ in 0..50 {
        viewers.push(has_its_snapshot(&site).await?);
    }
    let snapshots = (bytes * viewers.len()) as u64;
    let grown = gateway.memory()?.saturating_sub(before);
    assert!(
        grown < snapshots / 4,
        "{grown} bytes for {} viewers with snapshots of {bytes}",
        viewers.len()
    );
    Ok(())
}
