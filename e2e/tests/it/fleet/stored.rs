//! A verdict that was paid for reaches the bucket, whatever happens between the answer and the bucket.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::load::VisitorLoad;
use e2e::processes::{Instance, Pipeline, Role, TcpProxy};
use e2e::{Visitor, eventually};
use futures_util::future::try_join;
use serde_json::Value;
use simulator::deanonymizer::Latency;
use tokio::time::sleep;

const CALLS: u32 = 4;

/// How long an enricher is cut off from NATS.
const CUT: Duration = Duration::from_secs(7);

/// How many calls two enrichers have under way together.
const SHARED_CALLS: u32 = 12;

/// The bucket's entry for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Lease,
    Marker,
    Verdict,
}

/// The bucket's entry for each address.
async fn contents(site: &Pipeline) -> Result<Vec<Content>> {
    let stream = site.operator().await?.get_stream("KV_visitor_profiles").await?;
    let mut contents = Vec::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        // A message that was replaced is gone.
        let Ok(message) = stream.direct_get(sequence).await else {
            continue;
        };
        let key = message.subject.as_str().replace("$KV.visitor_profiles.", "");
        if key.len() != 32 {
            continue;
        }
        let value: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
        contents.push(match value["state"].as_str() {
            Some("leased") => Content::Lease,
            Some(_) => Content::Verdict,
            None => Content::Marker,
        });
    }
    Ok(contents)
}

async fn are(site: &Pipeline, what: &str, content: Content) -> Result<()> {
    eventually(what, async || {
        let found = contents(site).await?;
        ensure!(found == [content; CALLS as usize], "{found:?}");
        Ok(())
    })
    .await
}

/// Sends a new visitor from each address.
fn come(site: &Pipeline) {
    for number in 0..CALLS {
        site.send(&[Visitor::from(&VisitorLoad::ip(site, number)).opened(0)]);
    }
}

/// One enricher with calls under way that are answered after the given time.
async fn with_calls(latency: Duration) -> Result<Pipeline> {
    let site = Pipeline::builder()
        .through_proxies()
        .flag(Role::Enricher, "--lookup-timeout", "30s")
        .start()
        .await?;
    site.deanonymizer.set_latency(Latency::fixed(latency));
    come(&site);
    calls_under_way(&site, u64::from(CALLS)).await?;
    Ok(site)
}

async fn calls_under_way(site: &Pipeline, count: u64) -> Result<()> {
    eventually(&format!("{count} calls are under way"), async || {
        let stats = site.deanonymizer.stats();
        ensure!(
            stats.in_flight == count && stats.calls == u64::from(CALLS),
            "{stats:?}"
        );
        Ok(())
    })
    .await
}

/// How many verdicts could not be stored so far.
async fn unstored_are(site: &Pipeline, count: u64) -> Result<()> {
    eventually(&format!("{count} verdicts are not stored"), async || {
        let metric = "visitor_enricher_verdicts_unstored";
        let unstored = site.metric(Role::Enricher, metric).await?;
        ensure!(unstored == count, "{unstored}");
        Ok(())
    })
    .await
}

/// Another enricher, which knows no more than the bucket, pays for nobody.
async fn nobody_is_paid_for_again(mut site: Pipeline) -> Result<()> {
    // Its process may have ended already.
    drop(site.enricher()?.process.kill().await);
    site.add(Role::Enricher)?;
    come(&site);
    site.view_is_right().await?;
    site.queue_is_empty().await?;
    assert_eq!(site.deanonymizer.stats().calls, u64::from(CALLS));
    Ok(())
}

#[tokio::test]
async fn verdicts_of_an_enricher_that_was_cut_off_are_stored_over_expired_leases() -> Result<()> {
    let mut site = with_calls(Duration::from_secs(4)).await?;
    site.enricher()?.cut_from_nats()?;
    calls_under_way(&site, 0).await?;
    are(&site, "the leases have expired", Content::Marker).await?;
    site.enricher()?.restore_nats();
    are(&site, "the verdicts are stored", Content::Verdict).await?;
    nobody_is_paid_for_again(site).await
}

#[tokio::test]
async fn answers_that_come_while_nats_is_down_are_stored_in_the_empty_bucket() -> Result<()> {
    let mut site = with_calls(Duration::from_secs(4)).await?;
    site.nats.process.kill().await?;
    calls_under_way(&site, 0).await?;
    site.nats.process.start()?;
    site.ready().await?;
    are(&site, "the verdicts are stored", Content::Verdict).await?;
    nobody_is_paid_for_again(site).await
}

#[tokio::test]
async fn answers_that_come_after_sigterm_are_stored_before_the_exit() -> Result<()> {
    let mut site = with_calls(Duration::from_secs(4)).await?;
    let status = site.enricher()?.process.stop().await?;
    assert!(status.success(), "{status}");
    assert_eq!(contents(&site).await?, [Content::Verdict; CALLS as usize]);
    nobody_is_paid_for_again(site).await
}

#[tokio::test]
async fn sigterm_waits_for_verdicts_that_could_not_be_stored() -> Result<()> {
    let mut site = with_calls(Duration::from_secs(4)).await?;
    site.enricher()?.cut_from_nats()?;
    unstored_are(&site, u64::from(CALLS)).await?;
    let Instance {
        process,
        nats_proxies,
        ..
    } = site.enricher()?;
    let (status, ()) = try_join(process.stop(), async {
        nats_proxies.iter().for_each(TcpProxy::restore);
        Ok(())
    })
    .await?;
    assert!(status.success(), "{status}");
    assert_eq!(contents(&site).await?, [Content::Verdict; CALLS as usize]);
    nobody_is_paid_for_again(site).await
}

#[tokio::test]
async fn verdicts_are_stored_though_a_frozen_server_acknowledges_late() -> Result<()> {
    let site = with_calls(Duration::from_secs(3)).await?;
    site.nats.process.pause()?;
    calls_under_way(&site, 0).await?;
    unstored_are(&site, u64::from(CALLS)).await?;
    site.nats.process.resume()?;
    are(&site, "the verdicts are stored", Content::Verdict).await?;
    unstored_are(&site, 0).await?;
    nobody_is_paid_for_again(site).await
}

/// Two enrichers that have calls under way.
async fn two_with_calls(latency: Duration) -> Result<Pipeline> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-timeout", "30s")
        .start()
        .await?;
    site.deanonymizer.set_latency(Latency::fixed(latency));
    for number in 0..SHARED_CALLS {
        let ip = VisitorLoad::ip(&site, number);
        site.send(&[Visitor::from(&ip).opened(0)]);
    }
    eventually("all calls are under way", async || {
        let stats = site.deanonymizer.stats();
        ensure!(stats.in_flight == u64::from(SHARED_CALLS), "{stats:?}");
        Ok(())
    })
    .await?;
    Ok(site)
}

async fn nats_restarts_and_each_call_is_made_once(mut site: Pipeline) -> Result<()> {
    site.nats.process.start()?;
    site.ready().await?;
    site.view_is_right().await?;
    site.queue_is_empty().await?;
    assert_eq!(site.deanonymizer.stats().calls, u64::from(SHARED_CALLS));
    Ok(())
}

#[tokio::test]
async fn calls_under_way_when_nats_restarts_empty_are_made_once() -> Result<()> {
    let mut site = two_with_calls(Duration::from_secs(8)).await?;
    site.nats.process.kill().await?;
    nats_restarts_and_each_call_is_made_once(site).await
}

#[tokio::test]
async fn answers_that_come_while_nats_is_down_are_paid_for_once_by_two_enrichers() -> Result<()> {
    let mut site = two_with_calls(Duration::from_secs(6)).await?;
    site.nats.process.kill().await?;
    eventually("all calls are answered", async || {
        let stats = site.deanonymizer.stats();
        ensure!(stats.in_flight == 0, "{stats:?}");
        Ok(())
    })
    .await?;
    nats_restarts_and_each_call_is_made_once(site).await
}

#[tokio::test]
async fn another_enricher_does_not_pay_again_while_one_is_cut_off() -> Result<()> {
    let mut site = with_calls(Duration::from_secs(12)).await?;
    site.add(Role::Enricher)?;
    site.ready().await?;
    site.enricher()?.cut_from_nats()?;
    come(&site);
    sleep(CUT).await;
    site.enricher()?.restore_nats();
    site.view_is_right().await?;
    site.queue_is_empty().await?;
    assert_eq!(site.deanonymizer.stats().calls, u64::from(CALLS));
    Ok(())
}
