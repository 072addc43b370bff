//! `--lookup-concurrency` holds for the sum of all enrichers.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Pipeline, Role, Visitor, eventually};
use simulator::deanonymizer::Latency;
use simulator::world::Kind;

const LIMIT: u64 = 8;

async fn limit_is_that_of_the_fleet(enrichers: usize) -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, enrichers)
        .flag(Role::Enricher, "--lookup-concurrency", &LIMIT.to_string())
        .start()
        .await?;
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_millis(300)));
    let share = LIMIT / enrichers as u64;
    eventually("the enrichers have heard one another", async || {
        for enricher in site.members(Role::Enricher) {
            let own = enricher
                .http
                .metric("visitor_enricher_lookup_concurrency")
                .await?;
            ensure!(own == share, "{own}, not {share}");
        }
        Ok(())
    })
    .await?;
    let visitors: Vec<_> = (0..150)
        .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)))
        .collect();
    for visitors in visitors.chunks(5) {
        site.send(
            &visitors
                .iter()
                .map(|visitor| visitor.opened(0))
                .collect::<Vec<_>>(),
        );
    }
    site.view_is_right().await?;
    let stats = site.deanonymizer.stats();
    ensure!(stats.most_in_flight <= LIMIT, "{stats:?}");
    // The queue may give all visitors to one enricher.
    ensure!(stats.most_in_flight >= share, "the share is not used: {stats:?}");
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
