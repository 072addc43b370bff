//! What the fleet has spent.

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::Timestamp;
use protocol::status::Lookups;
use simulator::world::Kind;

const PRICE: f64 = 0.25;

/// Sends two new visitors from each of these addresses, and waits until they are identified.
async fn come(site: &Pipeline, numbers: std::ops::Range<u32>) -> Result<()> {
    for number in numbers {
        let ip = site.ip(Kind::Full, number);
        site.send(&[Visitor::from(&ip).opened(0), Visitor::from(&ip).opened(0)]);
        tokio::task::yield_now().await;
    }
    site.queue_is_empty().await?;
    site.view_is_right().await
}

/// What the fleet has paid, according to the gateway.
async fn reported_lookups(site: &Pipeline) -> Result<Lookups> {
    Ok(site.instance(Role::Gateway, 0)?.http.pipeline().await?.lookups)
}

/// The sum of the enrichers' own metrics, and what that costs.
async fn metrics(site: &Pipeline) -> Result<Lookups> {
    let count = async |name: &str| {
        site.metric(Role::Enricher, &format!("visitor_enricher_{name}"))
            .await
    };
    let paid = count("lookups_paid_total").await?;
    Ok(Lookups {
        paid,
        failed: count(r#"lookups_failed_total{kind="status"}"#).await?,
        paid_for_hidden: count(r#"verdicts_total{level="call",verdict="hidden"}"#).await?,
        saved_by_cache: count(r#"lookups_saved_total{by="cache"}"#).await?,
        saved_by_fleet: count(r#"lookups_saved_total{by="fleet"}"#).await?,
        saved_by_sharing: count(r#"lookups_saved_total{by="sharing"}"#).await?,
        spent: paid as f64 * PRICE,
    })
}

#[tokio::test]
async fn spending_of_a_killed_enricher_stays_on_the_bill() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--price-per-lookup", &PRICE.to_string())
        .start()
        .await?;
    site.deanonymizer.set_error_rate(0.1);
    come(&site, 0..60).await?;
    let calls = site.deanonymizer.stats().calls;
    let first = eventually("the gateway reports the sum of the enrichers", async || {
        let (reported, metrics) = (reported_lookups(&site).await?, metrics(&site).await?);
        ensure!(reported == metrics, "{reported:?}, not {metrics:?}");
        Ok(reported)
    })
    .await?;
    assert_eq!(first.paid, calls, "{first:?}");
    assert!(first.failed > 0 && first.failed == calls - 60, "{first:?}");
    assert!(
        first.saved_by_cache + first.saved_by_fleet + first.saved_by_sharing >= 60,
        "the second visitor of each address: {first:?}"
    );

    site.enricher()?.process.kill().await?;
    come(&site, 60..80).await?;
    let calls = site.deanonymizer.stats().calls;
    let spent = calls as f64 * PRICE;
    eventually("the bill is that of the Deanonymizer", async || {
        let reported = reported_lookups(&site).await?;
        let right = Lookups {
            paid: calls,
            spent,
            ..reported
        };
        ensure!(reported == right, "{reported:?}, not {right:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_meter_goes_on_when_nats_gateways_and_enrichers_restart() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--price-per-lookup", &PRICE.to_string())
        .start()
        .await?;
    let first = counted(&site, 0..20).await?;
    for number in 0..2 {
        site.nats.process.kill().await?;
        site.instance_mut(Role::Enricher, number)?.process.kill().await?;
        site.nats.process.start()?;
        site.instance_mut(Role::Enricher, number)?.process.start()?;
        site.gateway()?.process.restart().await?;
        site.ready().await?;
        let begin = 20 * (u32::try_from(number)? + 1);
        assert_eq!(counted(&site, begin..begin + 20).await?, first, "since when");
    }
    Ok(())
}

/// Sends visitors, and waits until all calls ever made are on the bill. Returns when the bill was begun.
async fn counted(site: &Pipeline, numbers: std::ops::Range<u32>) -> Result<Timestamp> {
    come(site, numbers).await?;
    eventually("all calls are on the bill", async || {
        let calls = site.deanonymizer.stats().calls;
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        let bill = pipeline.lookups;
        ensure!(bill.paid == calls, "{bill:?}, not {calls} calls");
        ensure!(bill.spent >= calls as f64 * PRICE - 1e-9, "{bill:?}");
        pipeline.lookups_since.context("since when")
    })
    .await
}
