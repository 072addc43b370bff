//! A Deanonymizer that says that it is too much.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Pipeline, Visitor, eventually};
use simulator::deanonymizer::Failure;
use simulator::event::Event;
use simulator::world::Kind;
use tokio::time::Instant;

/// How long it wants to be left alone.
const RETRY_AFTER: Duration = Duration::from_secs(2);

fn openings(site: &Pipeline, numbers: std::ops::Range<u32>) -> Vec<Event> {
    numbers
        .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)).opened(0))
        .collect()
}

#[tokio::test]
async fn is_left_alone_for_as_long_as_it_asks() -> Result<()> {
    let site = Pipeline::start().await?;
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
    // It would answer again, but nobody knows.
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
    assert_eq!((stats.calls, stats.successes), (51, 50), "{stats:?}");
    Ok(())
}
