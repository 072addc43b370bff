//! Processes that crash, restart, and are added and removed.

use anyhow::{Result, ensure};
use e2e::clients::Viewer;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::stream;
use simulator::deanonymizer::Latency;
use simulator::event::Event;
use simulator::world::Kind;

/// This many visitors of many kinds.
fn crowd(site: &Pipeline, count: u32) -> Vec<Visitor> {
    let kinds = [
        Kind::Full,
        Kind::CompanyOnly,
        Kind::Unknown,
        Kind::NexaCore,
        Kind::MixedEmails,
    ];
    (0..count)
        .zip(kinds.iter().cycle())
        .map(|(n, kind)| Visitor::from(&site.ip(*kind, n / 3)))
        .collect()
}

/// All of them send the same events.
fn all(visitors: &[Visitor], event: impl Fn(&Visitor) -> Event) -> Vec<Event> {
    visitors.iter().map(event).collect()
}

#[tokio::test]
async fn restarted_gateway_has_the_whole_view_before_it_is_ready() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = crowd(&site, 500);
    site.send(&all(&visitors, |visitor| visitor.opened(0)));
    site.settle().await?;
    let touched = all(&visitors, |visitor| visitor.keep_alive(0));
    site.send(&touched);
    site.settle().await?;
    site.view_is_right().await?;
    let before = site.sessions().await?;

    site.gateway()?.process.restart().await?;
    eventually("the gateway answers in any way", async || {
        let gateway = &site.instance(Role::Gateway, 0)?.http;
        let ready = gateway.get("/readyz").await?.status.is_success();
        let sessions = gateway.sessions().await;
        if ready {
            // From the first moment at which it is ready, its view must be complete.
            ensure!(sessions? == before, "an incomplete view");
        }
        ensure!(ready, "not ready yet");
        Ok(())
    })
    .await?;
    site.send(&all(&visitors, |visitor| visitor.closed(0)));
    site.settle().await?;
    assert!(site.sessions().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn gateway_becomes_ready_on_a_quiet_site() -> Result<()> {
    let mut site = Pipeline::builder()
        .stale_after(std::time::Duration::from_secs(2))
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    site.send(&[visitor.keep_alive(0)]);
    let jetstream = site.operator().await?;
    eventually("the activity has expired", async || {
        let stream = jetstream.get_stream(stream::ACTIVITY).await?;
        let state = &stream.cached_info().state;
        ensure!(state.last_sequence > 0 && state.messages == 0, "{state:?}");
        Ok(())
    })
    .await?;
    site.gateway()?.process.restart().await?;
    site.ready().await
}

#[tokio::test]
async fn every_gateway_has_the_same_view() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Gateway, 2).start().await?;
    let visitors = crowd(&site, 200);
    site.send(&all(&visitors, |visitor| visitor.opened(0)));
    site.settle().await?;
    site.send(&all(&visitors[..50], |visitor| visitor.closed(0)));
    site.add(Role::Gateway)?;
    site.ready().await?;
    site.send(&all(&visitors[50..], |visitor| visitor.keep_alive(0)));
    site.settle().await?;
    site.view_is_right().await?;
    let views = [
        site.sessions().await?,
        site.instance(Role::Gateway, 1)?.http.sessions().await?,
        site.instance(Role::Gateway, 2)?.http.sessions().await?,
    ];
    assert!(!views[0].is_empty());
    assert!(views[0] == views[1] && views[1] == views[2]);
    Ok(())
}

#[tokio::test]
async fn messages_of_a_killed_enricher_go_to_another() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    site.deanonymizer
        .set_latency(Latency::fixed(std::time::Duration::from_secs(3)));
    let visitors = crowd(&site, 300);
    site.send(&all(&visitors, |visitor| visitor.opened(1_000)));
    eventually("both enrichers wait for lookups", async || {
        for enricher in site.instances(Role::Enricher) {
            let open = enricher.http.metric("visitor_enricher_deliveries_open").await?;
            ensure!(open > 0, "{} has nothing in hand", enricher.process.name());
        }
        Ok(())
    })
    .await?;
    site.instance_mut(Role::Enricher, 1)?.process.kill().await?;
    site.send(&all(&visitors, |visitor| visitor.keep_alive(0)));
    site.view_is_right().await?;
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn single_enricher_resumes_after_a_kill() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = crowd(&site, 300);
    site.send(&all(&visitors, |visitor| visitor.opened(1_000)));
    site.enricher()?.process.restart().await?;
    site.send(&all(&visitors[..100], |visitor| visitor.closed(0)));
    site.enricher()?.process.restart().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn enrichers_can_be_added_and_removed_under_load() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let viewer = site.viewer().await?;
    let visitors = crowd(&site, 400);
    let (first, rest) = visitors.split_at(200);
    site.send(&all(first, |visitor| visitor.opened(0)));
    let added = site.add(Role::Enricher)?;
    site.ready().await?;
    site.send(&all(rest, |visitor| visitor.opened(0)));
    let ended = site.enricher()?.process.stop().await?;
    assert_eq!(ended.code(), Some(0));
    site.send(&all(&visitors, |visitor| visitor.keep_alive(0)));
    site.view_is_right().await?;
    viewer.missed_nothing()?;
    let handled = site
        .instance(Role::Enricher, added)?
        .http
        .metric(r#"visitor_enricher_events_total{kind="keep-alive"}"#);
    assert!(handled.await? > 0);
    Ok(())
}

#[tokio::test]
async fn frozen_enricher_delays_no_other() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    site.enricher()?.process.pause()?;
    let visitors = crowd(&site, 100);
    site.send(&all(&visitors, |visitor| visitor.opened(0)));
    // The messages of the frozen enricher are redelivered to the other one after a while.
    site.view_is_right().await?;
    site.enricher()?.process.resume()?;
    site.ready().await?;
    site.send(&all(&visitors[..50], |visitor| visitor.closed(0)));
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn killed_ingestor_resumes_after_its_restart() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = crowd(&site, 100);
    site.send(&all(&visitors, |visitor| visitor.opened(0)));
    site.settle().await?;
    site.ingestor()?.process.restart().await?;
    site.ready().await?;
    site.send(&all(&visitors[..50], |visitor| visitor.closed(0)));
    site.send(&all(&visitors[50..], |visitor| visitor.keep_alive(0)));
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn second_ingestor_covers_for_a_killed_one() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Ingestor, 2).start().await?;
    let visitors = crowd(&site, 300);
    let (early, late) = visitors.split_at(150);
    site.send(&all(early, |visitor| visitor.opened(0)));
    site.ingestor()?.process.kill().await?;
    site.send(&all(late, |visitor| visitor.opened(0)));
    site.view_is_right().await?;
    let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
    assert!(stats.active_sessions >= 200, "{stats:?}");
    Ok(())
}

#[tokio::test]
async fn every_process_exits_cleanly_on_sigterm() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitors = crowd(&site, 200);
    site.send(&all(&visitors, |visitor| visitor.opened(0)));
    let viewer = site.viewer().await?;
    eventually("the ingestor has read all", async || {
        let read = site
            .metric(Role::Ingestor, "visitor_ingestor_frames_received_total")
            .await?;
        ensure!(read == 200, "{read}");
        Ok(())
    })
    .await?;
    for role in Role::ALL {
        let ended = site.instance_mut(role, 0)?.process.stop().await?;
        assert_eq!(ended.code(), Some(0), "{}", role.name());
    }
    let (code, reason) = viewer.closed().await?;
    assert_eq!(code, 1001, "{reason}");

    for role in Role::ALL {
        site.instance_mut(role, 0)?.process.start()?;
    }
    site.ready().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn session_closed_without_an_enricher_is_closed_later() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    let viewer = Viewer::connect(site.gateway()?.http.base()).await?;
    site.enricher()?.process.kill().await?;
    site.send(&[visitor.closed(0), visitor.keep_alive(0)]);
    site.enricher()?.process.start()?;
    viewer
        .sees("that it left", |view| view.removals.contains_key(&visitor.guid))
        .await?;
    site.settle().await?;
    assert!(site.sessions().await?.is_empty());
    viewer.missed_nothing()
}
