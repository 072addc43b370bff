//! Visitors come, look around and go.

use anyhow::Result;
use e2e::processes::{Pipeline, Role};
use protocol::{Millis, Timestamp};
use service::clock;
use simulator::deanonymizer::DeanonymizerConfig;
use simulator::world::{Kind, World};

use super::site::{Browser, Collector, USUAL, arrives, is_gone};

/// How far the ingestor's estimate of the time may be from the test's, in ms. Sessions settle for three times as long.
const CLOCK_ERROR: Millis = 100;

/// Whether a time that the table shows is one of these.
fn was_between(at: Timestamp, from: Timestamp, to: Timestamp) -> bool {
    (from - CLOCK_ERROR..=to + CLOCK_ERROR).contains(&at)
}

/// Opens and closes a session, and waits until it is closed. By then all earlier beacons have taken effect.
async fn passes_by(site: &Pipeline, collector: &Collector, n: u32) -> Result<()> {
    let address = site.ip(Kind::CompanyOnly, n);
    let mut browser = Browser::at(collector, &address);
    browser.sees(1, "/").await?;
    arrives(site, &address).await?;
    browser.leaves(1).await?;
    is_gone(site, &address).await
}

#[tokio::test]
async fn visitor_arrives_after_settling_and_closes_after_the_grace() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let site = collector.pipeline().start().await?;
    let [address, other] = [1, 2].map(|n| site.ip(Kind::CompanyOnly, n));
    // Somebody who leaves at once is not a visitor, and costs no lookup.
    let mut bounce = Browser::at(&collector, &other);
    bounce.sees(1, "/").await?;
    bounce.leaves(1).await?;
    let mut browser = Browser::at(&collector, &address);
    let before = clock::now();
    browser.sees(1, "/").await?;
    let row = arrives(&site, &address).await?;
    let opened_at = row.opened_at;
    assert!(opened_at >= before && opened_at <= clock::now(), "{opened_at:?}");
    assert!(row.company.is_some(), "{row:?}");
    browser.leaves(1).await?;
    is_gone(&site, &address).await?;
    passes_by(&site, &collector, 3).await?;
    assert_eq!(collector.opened().await?, 2, "the bounce was not reported");
    assert_eq!(site.lookups_tried().await?, 2);
    Ok(())
}

#[tokio::test]
async fn reload_and_navigation_keep_the_session() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let site = collector.pipeline().start().await?;
    let address = site.ip(Kind::CompanyOnly, 1);
    let mut browser = Browser::at(&collector, &address);
    browser.sees(1, "/").await?;
    let row = arrives(&site, &address).await?;
    browser.leaves(1).await?;
    browser.sees(2, "/").await?;
    browser.sees(2, "/next").await?;
    // A visitor who left later is gone, so the grace of the page that was left is over.
    passes_by(&site, &collector, 2).await?;
    let same = arrives(&site, &address).await?;
    assert_eq!((same.guid, same.opened_at), (row.guid, row.opened_at));
    Ok(())
}

#[tokio::test]
async fn two_tabs_are_one_visitor() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let site = collector.pipeline().start().await?;
    let address = site.ip(Kind::CompanyOnly, 1);
    let mut browser = Browser::at(&collector, &address);
    browser.sees(1, "/").await?;
    browser.sees(2, "/second").await?;
    let row = arrives(&site, &address).await?;
    browser.leaves(1).await?;
    passes_by(&site, &collector, 2).await?;
    assert_eq!(arrives(&site, &address).await?.guid, row.guid);
    // Another browser at the same address is another visitor.
    let mut other = browser.another();
    other.sees(1, "/").await?;
    e2e::eventually("both are shown", async || {
        let rows = super::site::rows(&site, &address).await?;
        anyhow::ensure!(rows.len() == 2, "{rows:?}");
        Ok(())
    })
    .await?;
    other.leaves(1).await?;
    browser.leaves(2).await?;
    is_gone(&site, &address).await
}

#[tokio::test]
async fn ingestor_that_connects_learns_of_all_who_are_there() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    // They are sent before an ingestor is connected.
    let before = clock::now();
    let world = World::new(DeanonymizerConfig::default().seed);
    let [late_address, addresses @ ..] = [0, 1, 2, 3].map(|n| world.ip(Kind::CompanyOnly, n));
    let addresses: [String; 3] = addresses;
    let mut browsers = [0, 1, 2].map(|n: usize| Browser::at(&collector, &addresses[n]));
    for browser in &mut browsers {
        browser.sees(1, "/").await?;
    }
    let sent = clock::now();
    e2e::eventually("all have settled", async || {
        anyhow::ensure!(collector.opened().await? == 3);
        Ok(())
    })
    .await?;
    let mut site = collector.pipeline().start().await?;
    for address in &addresses {
        let opened_at = arrives(&site, address).await?.opened_at;
        assert!(
            was_between(opened_at, before, sent),
            "{before} {opened_at} {sent}"
        );
    }
    // One visitor leaves and one arrives while the ingestor is down.
    site.instance_mut(Role::Ingestor, 0)?.process.kill().await?;
    let mut late = Browser::at(&collector, &late_address);
    let before = clock::now();
    late.sees(1, "/").await?;
    let sent = clock::now();
    e2e::eventually("it has settled", async || {
        anyhow::ensure!(collector.opened().await? == 4);
        Ok(())
    })
    .await?;
    site.instance_mut(Role::Ingestor, 0)?.process.start()?;
    site.ready().await?;
    let opened_at = arrives(&site, &late_address).await?.opened_at;
    assert!(
        was_between(opened_at, before, sent),
        "{before} {opened_at} {sent}"
    );
    for address in &addresses {
        arrives(&site, address).await?;
    }
    Ok(())
}

#[tokio::test]
async fn restarted_collector_continues_the_sessions() -> Result<()> {
    let mut collector = Collector::start(USUAL).await?;
    let site = collector.pipeline().start().await?;
    let address = site.ip(Kind::CompanyOnly, 1);
    let mut browser = Browser::at(&collector, &address);
    browser.sees(1, "/").await?;
    let row = arrives(&site, &address).await?;
    collector.process.kill().await?;
    collector.process.start()?;
    e2e::eventually("the collector is back", async || collector.health.ready().await).await?;
    browser.sees(1, "/").await?;
    passes_by(&site, &collector, 2).await?;
    let same = arrives(&site, &address).await?;
    assert_eq!((same.guid, same.opened_at), (row.guid, row.opened_at));
    Ok(())
}
