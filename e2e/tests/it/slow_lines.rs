//! Many visitors over a slow connection: the snapshot arrives in compressed parts, and no side gives up while bytes flow.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Viewer;
use e2e::processes::{Pipeline, Role, TcpProxy};
use e2e::{Visitor, eventually, within};
use protocol::frame::{Frame, MAX_SESSIONS_PER_MESSAGE};
use serde_json::Value;
use simulator::world::Kind;

use crate::page::browser::{Page, Seen, with_page};

/// How many visitors a busy site has.
const VISITORS: usize = 19_000;

/// Bytes per second of a line with 10 Mbit/s, and of a phone at the edge of its network.
const SLOW: u64 = 1_250_000;
const VERY_SLOW: u64 = 125_000;

const TEST_TIMEOUT: Duration = Duration::from_mins(3);

async fn fill(site: &Pipeline, count: usize) -> Result<()> {
    let visitors: Vec<_> = (0..count)
        .map(|n| Visitor::from(&site.ip(Kind::Full, u32::try_from(n % 20).unwrap_or(0))))
        .collect();
    for some in visitors.chunks(500) {
        site.send(&some.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
    }
    within(TEST_TIMEOUT, "all are shown", async || {
        let shown = site
            .instance(Role::Gateway, 0)?
            .http
            .stats()
            .await?
            .active_sessions;
        ensure!(shown == count as u64, "{shown}");
        Ok(())
    })
    .await
}

/// A line with this rate to the first gateway.
fn line(site: &Pipeline, rate: u64) -> Result<TcpProxy> {
    let base = site.instance(Role::Gateway, 0)?.http.base();
    let port = base.rsplit(':').next().context("no port")?.parse()?;
    let line = TcpProxy::start(port)?;
    line.throttle(rate);
    Ok(line)
}

fn through(line: &TcpProxy) -> String {
    format!("http://127.0.0.1:{}", line.port())
}

/// Sees all visitors without a gap, and later also who comes.
async fn comes_up(site: &Pipeline, viewer: &Viewer) -> Result<()> {
    within(TEST_TIMEOUT, "the snapshot has come", async || {
        let view = viewer.view();
        ensure!(view.snapshots == 1, "{} parts", view.parts);
        ensure!(view.sessions.len() >= VISITORS);
        ensure!(view.parts + 1 >= VISITORS.div_ceil(MAX_SESSIONS_PER_MESSAGE));
        Ok(())
    })
    .await?;
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    viewer
        .sees("who comes", |view| view.sessions.contains_key(&visitor.guid))
        .await?;
    viewer.missed_nothing()
}

#[tokio::test]
async fn many_visitors_appear_over_a_slow_connection() -> Result<()> {
    let site = with_page()
        .alone()
        .log_filter("info,service=debug,async_nats=warn")
        .start()
        .await?;
    fill(&site, VISITORS).await?;
    let (slow, very_slow) = (line(&site, SLOW)?, line(&site, VERY_SLOW)?);
    comes_up(&site, &Viewer::connect(&through(&slow)).await?).await?;
    let compressed = Viewer::compressed(&through(&very_slow)).await?;
    comes_up(&site, &compressed).await?;
    ensure!(compressed.compressed_messages() >= VISITORS / MAX_SESSIONS_PER_MESSAGE);

    let mut page = Page::at(&through(&very_slow))?;
    let is_loading = |seen: &Seen| {
        seen.status
            .as_deref()
            .is_some_and(|status| status.contains("Loading:"))
    };
    page.shows("rows and progress while more come", |seen| {
        ensure!(is_loading(seen) && !seen.rows.is_empty(), "{:?}", seen.status);
        Ok(())
    })
    .await?;
    page.shows("that all have come", |seen| {
        ensure!(!is_loading(seen), "{:?}", seen.status);
        seen.is_live()
    })
    .await?;
    page.is_content().await
}

#[tokio::test]
async fn messages_hold_few_sessions_and_long_ones_are_compressed() -> Result<()> {
    const COUNT: usize = 2_500;
    let site = Pipeline::start().await?;
    fill(&site, COUNT).await?;
    let viewer = Viewer::compressed(site.instance(Role::Gateway, 0)?.http.base()).await?;
    viewer
        .sees("all of them", |view| view.sessions.len() == COUNT)
        .await?;
    let frames = viewer.frames();
    let mut remaining = Vec::new();
    for frame in &frames {
        match serde_json::from_str(frame)? {
            Frame::Snapshot(first) => remaining.push((first.sessions.len(), first.remaining)),
            Frame::SnapshotPart(part) => remaining.push((part.sessions.len(), part.remaining)),
            Frame::Delta(_) => {}
        }
    }
    assert_eq!(remaining, [(1_000, 1_500), (1_000, 500), (500, 0)]);
    let long = frames.iter().filter(|frame| frame.len() > 1024).count();
    ensure!(viewer.compressed_messages() >= long.min(3), "{long} long ones");
    Ok(())
}

#[tokio::test]
async fn pages_of_the_api_add_up_to_all_sessions() -> Result<()> {
    let site = Pipeline::start().await?;
    fill(&site, 250).await?;
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let mut guids = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/sessions?limit=100&cursor={cursor}");
        let page: Value = serde_json::from_str(&gateway.get(&path).await?.text)?;
        assert_eq!(page["type"], "snapshot");
        let sessions = page["sessions"].as_array().context("no sessions")?;
        let of_page = sessions.iter().filter_map(|session| session["guid"].as_str());
        guids.extend(of_page.map(str::to_owned));
        assert_eq!(page["remaining"], 250 - guids.len());
        match page["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let all: Vec<_> = gateway.sessions().await?.into_keys().collect();
    assert_eq!(
        guids, all,
        "each session is on one page, in the order of the guids"
    );
    for wrong in ["limit=0", "limit=many", "limit=10001", "cursor=a%20b"] {
        let answer = gateway.get(&format!("/api/sessions?{wrong}")).await?;
        assert_eq!(answer.status, 400, "{wrong}");
        let error: Value = serde_json::from_str(&answer.text)?;
        ensure!(error["error"].is_string(), "{}", answer.text);
    }
    eventually("nothing is held", async || {
        let held = site
            .metric(Role::Gateway, "visitor_gateway_snapshots_held")
            .await?;
        ensure!(held == 0, "{held}");
        Ok(())
    })
    .await
}
