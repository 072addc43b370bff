//! `--lookup-budget`: what the whole fleet may spend.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::status::{Figures, Lookups};
use protocol::{Millis, Timestamp};
use service::clock;
use simulator::event::Event;
use simulator::world::Kind;

const MINUTE: Millis = 60_000;

fn openings(site: &Pipeline, numbers: std::ops::Range<u32>) -> Vec<Event> {
    numbers
        .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)).opened(0))
        .collect()
}

#[tokio::test]
async fn limits_the_fleet_and_delays_only_unknown_visitors() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-budget", "5/min")
        .start()
        .await?;
    let first_minute = clock::now().unix_ms() / MINUTE;
    let known = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[known.opened(0)]);
    site.shows(&known).await?;
    site.send(&openings(&site, 0..20));
    eventually(
        "the budget is used up, and the rest is being identified",
        async || {
            let calls = site.deanonymizer.stats().calls;
            // Each minute that has begun meanwhile has a budget of its own.
            let minutes = u64::try_from(clock::now().unix_ms() / MINUTE - first_minute + 1)?;
            assert!(calls <= 5 * minutes, "{calls} calls in {minutes} minutes");
            let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
            ensure!(calls >= 5, "{calls} calls");
            // A visitor who moves between enrichers may count twice.
            ensure!(stats.active_sessions + stats.being_identified >= 21, "{stats:?}");
            Ok(())
        },
    )
    .await?;
    let mut next = 20;
    eventually("every enricher says why calls are held back", async || {
        // An enricher notices it with its next lookup.
        site.send(&openings(&site, next..next + 1));
        next += 1;
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        let reasons = pipeline
            .processes
            .iter()
            .filter_map(|process| match &process.figures {
                Figures::Enricher(enricher) => enricher.lookups_held_back.clone(),
                Figures::Ingestor(_) | Figures::Gateway(_) | Figures::Notifier(_) => None,
            });
        let reasons: Vec<_> = reasons.filter(|reason| reason.contains("5/min")).collect();
        ensure!(reasons.len() == 2, "{pipeline:?}");
        Ok(())
    })
    .await?;
    site.serves_known(&known).await
}

#[tokio::test]
async fn is_used_to_the_last_call_under_concurrency() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-budget", "200/day")
        .start()
        .await?;
    site.send(&openings(&site, 0..300));
    eventually("the budget is used up", async || {
        let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
        ensure!(
            stats.active_sessions == 200 && stats.being_identified >= 100,
            "{stats:?}"
        );
        Ok(())
    })
    .await?;
    assert_eq!(site.deanonymizer.stats().calls, 200);
    Ok(())
}

#[tokio::test]
async fn is_not_spent_on_refused_connections() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-budget", "5/day")
        .start()
        .await?;
    site.deanonymizer_refuses(true).await?;
    site.send(&openings(&site, 0..5));
    eventually("more calls are refused than may be made", async || {
        let tried = site.lookups_tried().await?;
        ensure!(tried > 5, "{tried}");
        Ok(())
    })
    .await?;
    site.deanonymizer_refuses(false).await?;
    site.view_is_right().await?;
    assert_eq!(site.sessions().await?.len(), 5);
    let bill = site.instance(Role::Gateway, 0)?.http.pipeline().await?.lookups;
    assert_eq!(site.deanonymizer.stats().calls, 5);
    assert!(bill.paid <= 5, "{bill:?}");
    Ok(())
}

/// Sends new visitors until this many enrichers say that the budget holds back their calls: one learns of it when it has
/// somebody to look up.
async fn is_used_up(site: &Pipeline, budget: &str, enrichers: usize, next: &mut u32) -> Result<()> {
    eventually(
        &format!("{enrichers} enrichers say that {budget} is used up"),
        async || {
            site.send(&openings(site, *next..*next + 1));
            *next += 1;
            let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
            let reasons = pipeline
                .processes
                .iter()
                .filter_map(|process| match &process.figures {
                    Figures::Enricher(enricher) => {
                        Some(enricher.lookups_held_back.clone().unwrap_or_default())
                    }
                    Figures::Ingestor(_) | Figures::Gateway(_) | Figures::Notifier(_) => None,
                });
            let reasons: Vec<_> = reasons.collect();
            // A killed enricher is still listed for a few seconds.
            ensure!(
                reasons.len() == enrichers && reasons.iter().all(|reason| reason.contains(budget)),
                "{reasons:?}"
            );
            Ok(())
        },
    )
    .await
}

/// Waits until the page shows this.
async fn meter_says(site: &Pipeline, paid: u64) -> Result<(Lookups, Timestamp)> {
    eventually(&format!("{paid} calls are on the bill"), async || {
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        ensure!(pipeline.lookups.paid == paid, "{pipeline:?}");
        let since = pipeline.lookups_since.context("since when")?;
        let metric = site
            .metric(Role::Gateway, "visitor_gateway_fleet_lookups_paid")
            .await?;
        ensure!(metric == paid, "{metric} in the metric");
        Ok((pipeline.lookups, since))
    })
    .await
}

async fn bill_in_bucket(site: &Pipeline) -> Result<serde_json::Value> {
    let bucket = site.operator().await?.get_stream("KV_visitor_profiles").await?;
    let bill = bucket
        .direct_get_last_for_subject("$KV.visitor_profiles.bill")
        .await?;
    Ok(serde_json::from_slice(&bill.payload)?)
}

#[tokio::test]
async fn a_used_up_budget_outlives_nats_and_each_enricher() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-budget", "20/day")
        .stale_after(Duration::from_mins(5))
        .start()
        .await?;
    let mut next = 0;
    site.send(&openings(&site, 0..30));
    next += 30;
    is_used_up(&site, "20/day", 2, &mut next).await?;
    assert_eq!(site.deanonymizer.stats().calls, 20);
    let (_, since) = meter_says(&site, 20).await?;

    // One enricher stays, and puts back what the server that restarts and the other enricher have forgotten.
    site.instance_mut(Role::Enricher, 0)?.process.kill().await?;
    site.nats.process.restart().await?;
    eventually("the bill is back", async || {
        let begun = bill_in_bucket(&site).await?["since"].as_i64();
        ensure!(begun == Some(since.unix_ms()), "since {begun:?}, not {since}");
        Ok(())
    })
    .await?;
    site.instance_mut(Role::Enricher, 0)?.process.start()?;
    site.ready().await?;
    is_used_up(&site, "20/day", 2, &mut next).await?;
    assert_eq!(site.deanonymizer.stats().calls, 20, "after the restart of NATS");

    site.instance_mut(Role::Enricher, 1)?.process.restart().await?;
    site.ready().await?;
    is_used_up(&site, "20/day", 2, &mut next).await?;
    assert_eq!(site.deanonymizer.stats().calls, 20, "after that of the enrichers");

    // The gateway that starts now knows only what the enrichers report.
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    assert_eq!(meter_says(&site, 20).await?.1, since);
    Ok(())
}

#[tokio::test]
async fn budgets_of_a_rolling_change_count_the_same_calls() -> Result<()> {
    let mut site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-budget", "10/day")
        .stale_after(Duration::from_mins(5))
        .start()
        .await?;
    let mut next = 0;
    is_used_up(&site, "10/day", 1, &mut next).await?;
    assert_eq!(site.deanonymizer.stats().calls, 10);

    site.instance_mut(Role::Enricher, 0)?.process.kill().await?;
    let other = site.add_with(Role::Enricher, &[("--lookup-budget", "1000/hour")])?;
    site.instance_mut(Role::Enricher, other)?.ready().await?;
    site.view_is_right().await?;
    let calls = site.deanonymizer.stats().calls;
    assert_eq!(calls, u64::from(next), "the hour has more");

    site.instance_mut(Role::Enricher, other)?.process.kill().await?;
    site.instance_mut(Role::Enricher, 0)?.process.start()?;
    is_used_up(&site, "10/day", 1, &mut next).await?;
    assert_eq!(site.deanonymizer.stats().calls, calls, "the day had none left");
    Ok(())
}
