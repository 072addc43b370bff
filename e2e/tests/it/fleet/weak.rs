//! A Deanonymizer that is overloaded, and says so with 429 or 503.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use simulator::deanonymizer::{Failure, Latency};
use simulator::event::Event;
use simulator::world::Kind;
use tokio::time::Instant;

/// The pause that it asks for.
const RETRY_AFTER: Duration = Duration::from_secs(5);

fn openings(site: &Pipeline, numbers: std::ops::Range<u32>) -> Vec<Event> {
    numbers
        .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)).opened(0))
        .collect()
}

#[tokio::test]
async fn pause_is_honoured_for_the_requested_time() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 3).start().await?;
    site.deanonymizer.set_retry_after(RETRY_AFTER);
    site.deanonymizer
        .fail_all(Some(Failure::TooManyRequestsRetryAfter));
    let begun = Instant::now();
    site.send(&openings(&site, 0..1));
    eventually("it has asked for a pause", async || {
        ensure!(site.deanonymizer.stats().by_status.contains_key(&429));
        Ok(())
    })
    .await?;
    eventually("every enricher knows", async || {
        for enricher in site.instances(Role::Enricher) {
            let closed = enricher
                .http
                .metric(r#"visitor_enricher_breaker{state="closed"}"#)
                .await?;
            ensure!(closed == 0, "{} does not", enricher.process.name());
        }
        Ok(())
    })
    .await?;
    // It would answer again, but nobody has tried.
    site.deanonymizer.fail_all(None);
    site.send(&openings(&site, 1..50));
    eventually("it is called again", async || {
        // Read before the calls, so that a call that is seen was made later.
        let is_over = begun.elapsed() >= RETRY_AFTER;
        let calls = site.deanonymizer.stats().calls;
        assert!(is_over || calls == 1, "{calls} calls in the pause");
        ensure!(calls > 1, "{calls} calls");
        Ok(())
    })
    .await?;
    site.view_is_right().await?;
    let stats = site.deanonymizer.stats();
    assert_eq!(stats.successes, 50, "{stats:?}");
    assert_eq!(stats.calls, 50 + stats.by_status[&429], "{stats:?}");
    Ok(())
}

/// The maximum number of concurrent calls.
const CALLS_AT_ONCE: u64 = 8;

async fn concurrency(site: &Pipeline) -> Result<u64> {
    site.metric(Role::Enricher, "visitor_enricher_lookup_concurrency")
        .await
}

/// Sends visitors from these addresses on until the maximum number of calls runs concurrently. Returns the next unused
/// address.
async fn gets_the_most(site: &Pipeline, mut next: u32) -> Result<u32> {
    eventually("it gets as many calls at once as it may", async || {
        // Enough that calls have to wait, and no more than are soon identified afterwards.
        if u64::from(next) < site.deanonymizer.stats().distinct_ips as u64 + 100 {
            site.send(&openings(site, next..next + 10));
            next += 10;
        }
        let concurrency = concurrency(site).await?;
        ensure!(concurrency == CALLS_AT_ONCE, "{concurrency}");
        Ok(())
    })
    .await?;
    Ok(next)
}

#[tokio::test]
async fn concurrency_drops_until_the_provider_recovers() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-concurrency", &CALLS_AT_ONCE.to_string())
        .start()
        .await?;
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_millis(50)));
    let next = gets_the_most(&site, 0).await?;
    site.deanonymizer.fail_all(Some(Failure::TooManyRequests));
    site.send(&openings(&site, next..next + 50));
    eventually("it gets fewer calls at once", async || {
        let concurrency = concurrency(&site).await?;
        ensure!(concurrency <= CALLS_AT_ONCE / 2, "{concurrency}");
        Ok(())
    })
    .await?;
    site.deanonymizer.fail_all(None);
    gets_the_most(&site, next + 50).await?;
    site.view_is_right().await
}
