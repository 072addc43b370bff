//! The gateway's WebSocket, as a third-party client uses it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::{View, Viewer, connection};
use e2e::processes::{Pipeline, Role};
use e2e::times::StampedAt as _;
use e2e::{Visitor, WAIT_TIMEOUT, eventually};
use futures_util::StreamExt as _;
use protocol::frame::Frame;
use serde_json::{Value, json};
use simulator::world::Kind;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// The names of an object's fields.
fn fields(object: &Value) -> BTreeSet<&str> {
    object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| &**name)
        .collect()
}

/// Waits until the session is in the viewer's view.
async fn sees(viewer: &Viewer, visitor: &Visitor) -> Result<View> {
    viewer
        .sees(&visitor.guid, |view| view.sessions.contains_key(&visitor.guid))
        .await
}

const OF_STATS: [&str; 5] = [
    "activeSessions",
    "beingIdentified",
    "companies",
    "averageVisitorsPerCompany",
    "averageSessionSeconds",
];

const OF_SESSION: [&str; 6] = ["guid", "ip", "openedAt", "lastActivityAt", "company", "contact"];

#[tokio::test]
async fn frames_have_the_documented_form() -> Result<()> {
    let site = Pipeline::start().await?;
    let [early, late] = [1, 2].map(|n| Visitor::from(&site.ip(Kind::Full, n)));
    site.send(&[early.opened(2_000)]);
    site.shows(&early).await?;
    let viewer = site.viewer_recording().await?;
    sees(&viewer, &early).await?;
    site.send(&[late.opened(1_000)]);
    sees(&viewer, &late).await?;
    let touch = late.keep_alive(0);
    site.send(std::slice::from_ref(&touch));
    viewer
        .sees("the touch", |view| {
            Some(view.sessions[&late.guid].last_activity_at) == touch.stamped_at()
        })
        .await?;
    site.send(&[late.closed(0)]);
    viewer
        .sees("the closing", |view| !view.sessions.contains_key(&late.guid))
        .await?;

    let frames: Vec<Value> = viewer
        .frames()
        .iter()
        .map(|frame| serde_json::from_str(frame))
        .collect::<Result<_, _>>()?;
    check_snapshot(&frames[0]);
    let deltas = &frames[1..];
    for (delta, before) in deltas.iter().zip(&frames) {
        check_delta(delta, before);
    }
    let all = |list: &str| -> Vec<&Value> {
        deltas
            .iter()
            .filter_map(|delta| delta[list].as_array())
            .flatten()
            .collect()
    };
    assert!(
        all("changed")
            .iter()
            .all(|session| fields(session) == OF_SESSION.into())
    );
    assert!(all("touched").contains(&&json!([late.guid, touch.timestamp_ms()])));
    assert_eq!(all("removed"), [&json!([late.guid, "closed"])]);
    Ok(())
}

fn check_snapshot(snapshot: &Value) {
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(
        fields(snapshot),
        [
            "type",
            "revision",
            "now",
            "sessions",
            "remaining",
            "stats",
            "pipeline"
        ]
        .into()
    );
    assert_eq!(snapshot["remaining"], 0);
    assert_eq!(fields(&snapshot["stats"]), OF_STATS.into());
    let session = &snapshot["sessions"][0];
    assert_eq!(fields(session), OF_SESSION.into());
    assert_eq!(fields(&session["company"]), ["guid", "name", "domain"].into());
}

fn check_delta(delta: &Value, before: &Value) {
    assert_eq!(delta["type"], "delta");
    assert_eq!(
        delta["revision"].as_u64(),
        before["revision"].as_u64().map(|n| n + 1)
    );
    let mut expected: BTreeSet<_> = [
        "type", "revision", "now", "changed", "touched", "removed", "stats",
    ]
    .into();
    // Some deltas also contain the state of the pipeline.
    expected.extend(fields(delta).take("pipeline"));
    assert_eq!(fields(delta), expected);
    assert_eq!(fields(&delta["stats"]), OF_STATS.into());
}

#[tokio::test]
async fn every_viewer_gets_the_same_frames() -> Result<()> {
    let site = Pipeline::start().await?;
    let viewers = [site.viewer_recording().await?, site.viewer_recording().await?];
    let visitors: Vec<_> = (0..50)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(0), visitor.keep_alive(0)]);
    }
    site.settle().await?;
    for viewer in &viewers {
        viewer
            .sees("all visitors", |view| view.sessions.len() == visitors.len())
            .await?;
        viewer.missed_nothing()?;
    }
    let deltas = viewers.each_ref().map(|viewer| {
        viewer
            .frames()
            .into_iter()
            .filter(|frame| frame.contains(r#""type":"delta""#))
            .collect::<BTreeSet<_>>()
    });
    // The second one came a moment later, and either may have seen one more at the end.
    let common = deltas[0].intersection(&deltas[1]).count();
    assert!(common > 0 && common + 10 > deltas[0].len().max(deltas[1].len()));
    Ok(())
}

#[tokio::test]
async fn client_gets_a_snapshot_on_request() -> Result<()> {
    let site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    viewer
        .sees("the first snapshot", |view| view.snapshots == 1)
        .await?;
    viewer.say(Message::text(r#"{"type":"snapshot"}"#)).await?;
    viewer.sees("another one", |view| view.snapshots == 2).await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    sees(&viewer, &visitor).await?;
    viewer.missed_nothing()
}

#[tokio::test]
async fn invalid_client_messages_do_no_harm() -> Result<()> {
    let site = Pipeline::start().await?;
    let [talker, shouter, other] = [site.viewer().await?, site.viewer().await?, site.viewer().await?];
    for nonsense in [
        Message::text("hello"),
        Message::text(""),
        Message::text(r#"{"type":"drop"}"#),
        Message::text("[".repeat(1_000)),
        Message::binary(vec![0, 255, 1]),
        Message::Ping("?".into()),
    ] {
        talker.say(nonsense).await?;
    }
    shouter.say(Message::text("x".repeat(1 << 20))).await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    for viewer in [&talker, &other] {
        sees(viewer, &visitor).await?;
        viewer.missed_nothing()?;
    }
    let counted = site
        .metric(Role::Gateway, "visitor_gateway_requests_not_understood_total")
        .await?;
    assert_eq!(counted, 5);
    eventually("who sends a megabyte is sent away", async || {
        let clients = site.metric(Role::Gateway, "visitor_gateway_clients").await?;
        ensure!(clients == 2, "{clients}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn quiet_site_is_distinguishable_from_a_lost_connection() -> Result<()> {
    let site = Pipeline::start().await?;
    let viewer = site.viewer_recording().await?;
    let first = viewer.sees("the snapshot", |view| view.snapshots == 1).await?;
    let view = viewer.sees("six more frames", |view| view.deltas == 6).await?;
    viewer.missed_nothing()?;
    // By the gateway's own clock, with room for a machine that is busy.
    let passed = view.now - first.now;
    assert!((3_000..20_000).contains(&passed), "six frames in {passed} ms");
    assert!(view.sessions.is_empty() && !view.pipeline.processes.is_empty());
    Ok(())
}

#[tokio::test]
async fn many_changes_share_a_frame() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--frame-interval", "1s")
        .start()
        .await?;
    let viewer = site.viewer().await?;
    let before = viewer.sees("the snapshot", |view| view.snapshots == 1).await?;
    let visitors: Vec<_> = (0..300)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n % 30)))
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(0)]);
    }
    let view = viewer
        .sees("all of them", |view| view.sessions.len() == visitors.len())
        .await?;
    let frames = view.revision - before.revision;
    assert!(frames < 100, "{frames} frames for {} changes", visitors.len());
    viewer.missed_nothing()
}

#[tokio::test]
async fn session_opened_and_closed_between_two_frames_is_counted() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--frame-interval", "10m")
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    site.send(&[visitor.closed(0)]);
    for counter in ["appeared", "closed"] {
        eventually(&format!("it is counted as {counter}"), async || {
            let name = format!("visitor_gateway_sessions_{counter}_total");
            let count = site.metric(Role::Gateway, &name).await?;
            ensure!(count == 1, "{count}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn client_that_joins_between_frames_learns_of_a_closing() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--frame-interval", "2s")
        .start()
        .await?;
    let mut between_frames = 0;
    for n in 0..6 {
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        site.send(&[visitor.opened(0)]);
        site.shows(&visitor).await?;
        let viewer = site.viewer().await?;
        let view = sees(&viewer, &visitor).await?;
        between_frames += u32::from(view.deltas == 0);
        site.send(&[visitor.closed(0)]);
        viewer
            .sees("the closing", |view| !view.sessions.contains_key(&visitor.guid))
            .await?;
        viewer.missed_nothing()?;
    }
    ensure!(between_frames > 0, "every frame came before the viewer joined");
    Ok(())
}

/// A client that has connected and reads nothing by itself, over a connection with small buffers.
async fn reads_nothing(site: &Pipeline) -> Result<WebSocketStream<TcpStream>> {
    let base = site.instance(Role::Gateway, 0)?.http.base();
    let stream = connection::connect_narrow(base.trim_start_matches("http://").parse()?).await?;
    let (socket, _) = client_async(connection::websocket_url(base), stream).await?;
    Ok(socket)
}

/// Sends visitors until the gateway has sent more bytes and more frames than it keeps for a client.
async fn flood(site: &Pipeline, viewer: &Viewer) -> Result<()> {
    let visitors: Vec<_> = (0..3_000)
        .map(|n| Visitor::from(&site.ip(Kind::Full, n % 20)))
        .collect();
    for some in visitors.chunks(10) {
        site.send(&some.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
        if let Some(visitor) = some.last() {
            sees(viewer, visitor).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn slow_client_gets_a_snapshot() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Gateway, "--frame-interval", "1ms")
        .start()
        .await?;
    let viewer = site.viewer().await?;
    let mut slow = reads_nothing(&site).await?;
    flood(&site, &viewer).await?;
    viewer.missed_nothing()?;
    let expected = viewer.view();

    let mut view = View::default();
    let catch_up = async {
        while view.snapshots < 2 || view.sessions != expected.sessions {
            let message = slow.next().await.context("the connection is over")??;
            if let Message::Text(text) = message {
                let frame: Frame<'_> = serde_json::from_str(&text)?;
                ensure!(view.apply(&frame), "a gap that no snapshot healed");
            }
        }
        Ok(())
    };
    timeout(WAIT_TIMEOUT, catch_up)
        .await
        .context("the slow viewer does not catch up")?
}

#[tokio::test]
async fn client_that_does_not_read_is_disconnected_and_delays_nobody() -> Result<()> {
    let site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    let _slow = reads_nothing(&site).await?;
    flood(&site, &viewer).await?;
    eventually("the slow viewer is dropped", async || {
        let dropped = site
            .metric(Role::Gateway, "visitor_gateway_clients_too_slow_total")
            .await?;
        ensure!(dropped == 1, "{dropped}");
        Ok(())
    })
    .await?;
    viewer.missed_nothing()?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    sees(&viewer, &visitor).await.map(drop)
}

#[tokio::test]
async fn clients_are_told_to_retry_before_the_view_is_complete() -> Result<()> {
    let mut site = Pipeline::builder().launch().await?;
    let viewer = eventually("the gateway listens", async || site.viewer().await).await?;
    let (code, reason) = viewer.closed().await?;
    assert_eq!(code, 1013, "{reason}");
    site.nats.process.start()?;
    site.ready().await?;
    let viewer = site.viewer().await?;
    viewer.sees("a snapshot", |view| view.snapshots == 1).await?;
    timeout(Duration::from_secs(1), viewer.closed())
        .await
        .err()
        .context("it was sent away although all is well")?;
    Ok(())
}
