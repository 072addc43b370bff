//! Enrichers are killed while they look up.

use std::time::Duration;

use anyhow::{Context as _, Result};
use e2e::Visitor;
use e2e::load::VisitorLoad;
use e2e::processes::{Pipeline, Role};
use serde_json::{Value, json};
use simulator::deanonymizer::Latency;

#[tokio::test]
async fn killed_enrichers_cause_no_second_paid_call() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 4)
        // A kill loses each answer that is given and not yet stored, and so as many as calls run at once. On a machine
        // with nothing else to do that is hardly ever more than one, however many may run; with two each it holds on any.
        .flag(Role::Enricher, "--lookup-concurrency", "8")
        // Nothing goes stale on a busy machine.
        .stale_after(Duration::from_mins(5))
        .alone()
        .start()
        .await?;
    site.deanonymizer.set_error_rate(0.1);
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_millis(30)));
    let crowd = VisitorLoad {
        addresses: 2_000,
        events: 50_000,
        seconds: 20,
        kills: true,
        seed: 1,
    };
    let kills = crowd.run(&mut site).await?;
    site.ready().await?;
    site.queue_is_empty().await?;
    site.view_is_right().await?;
    let stats = site.deanonymizer.stats();
    println!("{kills} kills, {stats:?}");
    assert_eq!(stats.distinct_ips, 2_000);
    assert!(
        stats.successes <= 2_000 + u64::from(kills),
        "{kills} kills: {stats:?}"
    );

    for number in 0..4 {
        site.instance_mut(Role::Enricher, number)?
            .process
            .restart()
            .await?;
    }
    site.ready().await?;
    let again: Vec<_> = (0..crowd.addresses)
        .map(|number| Visitor::from(&VisitorLoad::ip(&site, number)))
        .collect();
    site.send(&again.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
    site.view_is_right().await?;
    site.queue_is_empty().await?;
    assert_eq!(
        site.deanonymizer.stats().calls,
        stats.calls,
        "what the fleet has paid for it knows"
    );
    Ok(())
}

#[tokio::test]
async fn a_call_that_outlasts_a_lease_is_made_once() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 4)
        .flag(Role::Enricher, "--lookup-timeout", "30s")
        .start()
        .await?;
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_secs(18)));
    let ip = VisitorLoad::ip(&site, 0);
    for _ in 0..100 {
        site.send(&[Visitor::from(&ip).opened(0)]);
        tokio::task::yield_now().await;
    }
    site.view_is_right().await?;
    assert_eq!(site.deanonymizer.calls_for(&ip).calls, 1);
    Ok(())
}

#[tokio::test]
async fn the_call_of_a_killed_enricher_is_made_by_another() -> Result<()> {
    let mut site = Pipeline::start().await?;
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_mins(10)));
    let visitor = Visitor::from(&VisitorLoad::ip(&site, 0));
    site.send(&[visitor.opened(0)]);
    e2e::eventually("the call is under way", async || {
        anyhow::ensure!(site.deanonymizer.stats().in_flight == 1);
        Ok(())
    })
    .await?;
    site.enricher()?.process.kill().await?;
    site.deanonymizer.set_latency(Latency::default());
    site.add(Role::Enricher)?;
    site.shows(&visitor).await?;
    let calls = site.deanonymizer.calls_for(&visitor.ip);
    assert_eq!((calls.calls, calls.successes), (2, 1));
    Ok(())
}

#[tokio::test]
async fn a_lease_is_taken_over_once_its_holder_is_gone() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitor = Visitor::from(&VisitorLoad::ip(&site, 0));
    let operator = site.nats.client("operator").await?;
    let explained = operator
        .request("visitor.explain", visitor.ip.clone().into())
        .await?;
    let explained: Value = serde_json::from_slice(&explained.payload)?;
    let key = explained["key"].as_str().context("no key")?.to_owned();
    // It never expires.
    let lease = json!({ "state": "leased", "by": "gone", "at": 0, "inbox": "_INBOX_enricher.gone" });
    let maintainer = async_nats::jetstream::new(site.nats.client("maintainer").await?);
    let bucket = maintainer.get_key_value("visitor_profiles").await?;
    bucket.put(key, lease.to_string().into()).await?;
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    assert_eq!(site.deanonymizer.calls_for(&visitor.ip).calls, 1);
    Ok(())
}
