//! How long closings are remembered, and which messages are dropped first when the stream of sessions is full.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use service::last_message;
use simulator::world::Kind;

/// Few addresses, so that lookups cause no delay.
const ADDRESSES: u32 = 20;

/// Waits until the tombstone of the visitor is in the stream, and returns its TTL.
async fn tombstone_ttl(site: &Pipeline, visitor: &Visitor) -> Result<Duration> {
    let stream = site.operator().await?.get_stream("VISITOR_SESSIONS").await?;
    eventually("the tombstone is in the stream", async || {
        let subject = format!("visitor.session.{}", visitor.guid);
        let message = stream.direct_get_last_for_subject(subject).await?;
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        ensure!(text.contains("session-closed"), "{text}");
        last_message::ttl(&message.headers).context("no TTL")
    })
    .await
}

/// Waits until the stream holds nothing of the visitor.
async fn is_forgotten(site: &Pipeline, visitor: &Visitor) -> Result<()> {
    let stream = site.operator().await?.get_stream("VISITOR_SESSIONS").await?;
    eventually("the closing is forgotten", async || {
        let subject = format!("visitor.session.{}", visitor.guid);
        let message = stream.direct_get_last_for_subject(subject).await;
        ensure!(message.is_err(), "a message is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn closing_is_remembered_for_the_configured_time() -> Result<()> {
    for (flag, ttl) in [("10m", 675), ("15m", 1_013), ("3s", 4)] {
        let mut site = Pipeline::builder()
            .flag(Role::Enricher, "--remember-closings", flag)
            .start()
            .await?;
        let visitor = Visitor::from(&site.ip(Kind::Full, 1));
        site.send(&[visitor.opened(0)]);
        site.shows(&visitor).await?;
        site.send(&[visitor.closed(0)]);
        assert_eq!(
            tombstone_ttl(&site, &visitor).await?,
            Duration::from_secs(ttl),
            "{flag}"
        );
        if flag == "3s" {
            is_forgotten(&site, &visitor).await?;
            continue;
        }
        // After this, only the stream remembers the closing.
        site.enricher()?.process.restart().await?;
        site.gateway()?.process.restart().await?;
        site.ready().await?;
        let viewer = site.viewer_recording().await?;
        site.send(&[visitor.keep_alive(0), visitor.opened(0)]);
        site.settle().await?;
        ensure!(
            viewer.frames().iter().all(|frame| !frame.contains(&visitor.guid)),
            "a closed session was shown again"
        );
    }
    Ok(())
}

#[tokio::test]
async fn late_events_extend_how_long_a_closing_is_remembered() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--remember-closings", "4s")
        .start()
        .await?;
    let viewer = site.viewer_recording().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let other = Visitor::from(&site.ip(Kind::Full, 2));
    site.send(&[visitor.opened(0), other.opened(0)]);
    site.shows(&visitor).await?;
    site.send(&[visitor.closed(0), other.closed(0)]);
    tombstone_ttl(&site, &visitor).await?;
    // When the other closing has expired, the time of the first has passed as well.
    for _ in 0..2 {
        eventually("the time of a closing has passed", async || {
            site.send(&[visitor.keep_alive(0)]);
            is_gone(&site, &other).await
        })
        .await?;
        site.send(&[other.closed(0)]);
        tombstone_ttl(&site, &other).await?;
    }
    tombstone_ttl(&site, &visitor).await?;
    site.shows_no(&visitor).await?;
    let guid = &visitor.guid;
    let gone = viewer
        .frames()
        .iter()
        .position(|frame| frame.contains(&format!(r#"["{guid}","closed"]"#)));
    let after = gone.context("no frame reports the closing")? + 1;
    ensure!(
        viewer.frames()[after..].iter().all(|frame| !frame.contains(guid)),
        "the closed session was shown again"
    );
    Ok(())
}

async fn is_gone(site: &Pipeline, visitor: &Visitor) -> Result<()> {
    let stream = site.operator().await?.get_stream("VISITOR_SESSIONS").await?;
    let subject = format!("visitor.session.{}", visitor.guid);
    ensure!(
        stream.direct_get_last_for_subject(subject).await.is_err(),
        "the session's message is still in the stream"
    );
    Ok(())
}

async fn live_sessions_stay(cluster: bool) -> Result<()> {
    let mut builder = Pipeline::builder();
    if cluster {
        builder = builder.cluster();
    }
    for role in Role::ALL {
        builder = builder.flag(role, "--sessions-mib", "1");
    }
    let site = builder.start().await?;
    let live: Vec<_> = (0..400)
        .map(|n| Visitor::from(&site.ip(Kind::Full, n % ADDRESSES)))
        .collect();
    for some in live.chunks(50) {
        site.send(&some.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
    }
    site.view_is_right().await?;

    open_and_close_many(&site, &live);
    let enricher = &site.instance(Role::Enricher, 0)?.process;
    eventually("the enricher logs that the stream is filling up", async || {
        ensure!(enricher.log()?.contains("the stream of sessions is"));
        Ok(())
    })
    .await?;
    // Every new visitor is admitted, because tombstones are dropped.
    let newcomer = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[newcomer.opened(0)]);
    site.shows(&newcomer).await?;
    site.queue_is_empty().await?;
    let shown = site.sessions().await?;
    let missing = live
        .iter()
        .filter(|visitor| !shown.contains_key(&visitor.guid))
        .count();
    assert_eq!(missing, 0, "live sessions were lost");
    have_records(&site, &live).await?;
    // A tombstone always finds room in the place of a record.
    site.send(&live.iter().map(|visitor| visitor.closed(0)).collect::<Vec<_>>());
    eventually("all have left", async || {
        let shown = site.sessions().await?;
        let left = live
            .iter()
            .filter(|visitor| shown.contains_key(&visitor.guid))
            .count();
        ensure!(left == 0, "{left} are still shown");
        Ok(())
    })
    .await?;
    ensure!(
        site.metric(Role::Enricher, "visitor_enricher_tombstones_shortened_total")
            .await?
            > 0
    );
    eventually("the enricher is ready again", async || {
        site.instance(Role::Enricher, 0)?.http.ready().await
    })
    .await
}

async fn have_records(site: &Pipeline, visitors: &[Visitor]) -> Result<()> {
    let stream = site.operator().await?.get_stream("VISITOR_SESSIONS").await?;
    for visitor in visitors {
        let subject = format!("visitor.session.{}", visitor.guid);
        let message = stream.direct_get_last_for_subject(subject).await?;
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        ensure!(text.contains("session-opened"), "{text}");
    }
    Ok(())
}

/// Sends many times more closings than the stream can hold, while `live` stay active.
fn open_and_close_many(site: &Pipeline, live: &[Visitor]) {
    for round in 0..40_u32 {
        let passing: Vec<_> = (0..200)
            .map(|n| Visitor::from(&site.ip(Kind::Full, n % ADDRESSES)))
            .collect();
        site.send(
            &passing
                .iter()
                .map(|visitor| visitor.opened(0))
                .collect::<Vec<_>>(),
        );
        site.send(
            &passing
                .iter()
                .map(|visitor| visitor.closed(0))
                .collect::<Vec<_>>(),
        );
        if round % 10 == 9 {
            let keep_alives: Vec<_> = live.iter().map(|visitor| visitor.keep_alive(0)).collect();
            site.send(&keep_alives);
        }
    }
}

#[tokio::test]
async fn live_sessions_stay_when_tombstones_fill_the_stream() -> Result<()> {
    live_sessions_stay(false).await
}

#[tokio::test]
async fn live_sessions_stay_when_tombstones_fill_the_stream_of_a_cluster() -> Result<()> {
    live_sessions_stay(true).await
}

#[tokio::test]
async fn new_visitors_wait_when_records_fill_the_stream() -> Result<()> {
    let mut builder = Pipeline::builder();
    for role in Role::ALL {
        builder = builder.flag(role, "--sessions-mib", "1");
    }
    let site = builder.start().await?;
    let all: Vec<_> = (0..2_500)
        .map(|n| Visitor::from(&site.ip(Kind::Full, n % ADDRESSES)))
        .collect();
    for some in all.chunks(100) {
        site.send(&some.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
    }
    let enricher = site.instance(Role::Enricher, 0)?;
    eventually("readiness reports that the stream is full", async || {
        let answer = enricher.http.get("/readyz").await?;
        ensure!(answer.text.contains("new visitors wait"), "{}", answer.text);
        Ok(())
    })
    .await?;
    let (inside, outside) = shown_and_waiting(&site, &all).await?;

    // As many visitors leave as wait, so those who waited are admitted. Nothing else is rewritten.
    site.send(&inside.iter().map(|visitor| visitor.closed(0)).collect::<Vec<_>>());
    eventually("those who waited are shown", async || {
        let shown = site.sessions().await?;
        let missing = outside
            .iter()
            .filter(|visitor| !shown.contains_key(&visitor.guid));
        ensure!(missing.clone().count() == 0, "{} still wait", missing.count());
        Ok(())
    })
    .await?;
    let tombstones = enricher
        .http
        .metric("visitor_enricher_tombstones_published_total")
        .await?;
    // On a busy machine, the queue may deliver closings twice.
    let closings = enricher
        .http
        .metric(r#"visitor_enricher_events_total{kind="session-closed"}"#)
        .await?;
    ensure!(
        tombstones < 3 * closings / 2,
        "{tombstones} for {closings} closings of {} visitors",
        inside.len()
    );
    site.view_is_right().await
}

/// Waits until everyone is either shown or waits for room. Returns both.
///
/// The stream may refuse records while it still has room, because NATS counts those in flight, too.
async fn shown_and_waiting<'a>(
    site: &Pipeline,
    all: &'a [Visitor],
) -> Result<(Vec<&'a Visitor>, Vec<&'a Visitor>)> {
    let operator = site.operator().await?;
    let enricher = &site.instance(Role::Enricher, 0)?.http;
    let shown = eventually("everyone is shown or waits for room", async || {
        let stream = operator.get_stream("VISITOR_SESSIONS").await?;
        let shown = site.sessions().await?;
        let stored = stream.cached_info().state.messages;
        ensure!(shown.len() as u64 == stored, "{} of {stored}", shown.len());
        let waiting = enricher
            .metric("visitor_enricher_sessions_being_identified")
            .await?;
        ensure!(stored + waiting == all.len() as u64, "{stored} and {waiting}");
        let readiness = enricher.get("/readyz").await?.text;
        ensure!(readiness.contains("new visitors wait"), "{readiness}");
        Ok(shown)
    })
    .await?;
    ensure!(shown.len() > 500, "{}", shown.len());
    let (inside, outside): (Vec<_>, Vec<_>) =
        all.iter().partition(|visitor| shown.contains_key(&visitor.guid));
    ensure!(outside.len() > 200, "{} wait", outside.len());
    Ok((inside, outside))
}
