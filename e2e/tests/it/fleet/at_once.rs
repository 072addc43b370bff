//! `--lookup-concurrency` holds for the sum of all enrichers.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use simulator::deanonymizer::Latency;
use simulator::world::Kind;

const LIMIT: u64 = 8;

/// Maximum number of visitors that come, one after the other, until every enricher has some.
const MOST_VISITORS: u32 = 300;

async fn limit_is_that_of_the_fleet(enrichers: usize) -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, enrichers)
        .flag(Role::Enricher, "--lookup-concurrency", &LIMIT.to_string())
        .start()
        .await?;
    let share = LIMIT / enrichers as u64;
    eventually("the enrichers have heard one another", async || {
        for enricher in site.instances(Role::Enricher) {
            let own = enricher
                .http
                .metric("visitor_enricher_lookup_concurrency")
                .await?;
            ensure!(own == share, "{own}, not {share}");
        }
        Ok(())
    })
    .await?;
    // Long enough that all enrichers have calls in flight at the same time.
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_secs(2)));
    let mut came = 0;
    eventually("the whole limit is used", async || {
        // One message per event, because all events of a message go to one enricher.
        if came < MOST_VISITORS {
            site.send(&[Visitor::from(&site.ip(Kind::CompanyOnly, came)).opened(0)]);
            came += 1;
        }
        let stats = site.deanonymizer.stats();
        ensure!(stats.most_in_flight >= LIMIT, "{came} visitors, {stats:?}");
        Ok(())
    })
    .await?;
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_millis(100)));
    site.view_is_right().await?;
    let stats = site.deanonymizer.stats();
    ensure!(stats.most_in_flight == LIMIT, "{stats:?}");
    Ok(())
}

#[tokio::test]
async fn limit_is_that_of_one_enricher() -> Result<()> {
    limit_is_that_of_the_fleet(1).await
}

#[tokio::test]
async fn limit_is_the_sum_of_two_enrichers() -> Result<()> {
    limit_is_that_of_the_fleet(2).await
}

#[tokio::test]
async fn limit_is_the_sum_of_four_enrichers() -> Result<()> {
    limit_is_that_of_the_fleet(4).await
}
