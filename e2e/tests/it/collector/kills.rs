//! SIGKILL of the collector, the ingestor and NATS while visitors come and go.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use e2e::eventually;
use e2e::processes::{Pipeline, Role};
use simulator::world::Kind;

use super::site::{Browser, Collector, USUAL, arrives, is_gone, patient_pipeline};

/// Visitors before each kill and after it.
const OF_EACH: u32 = 12;

#[tokio::test]
async fn table_equals_the_open_tabs_after_kills_in_any_order() -> Result<()> {
    let mut collector = Collector::start(USUAL).await?;
    let mut site = collector.pipeline().start().await?;
    let mut staying: Vec<Browser> = Vec::new();
    let mut next = 0;
    let victims = ["collector", "ingestor", "nats", "ingestor", "collector"];
    for (n, victim) in victims.into_iter().enumerate() {
        let coming: Vec<_> = (next..next + OF_EACH)
            .map(|n| site.ip(Kind::CompanyOnly, n))
            .collect();
        next += OF_EACH;
        let mut browsers: Vec<_> = coming
            .iter()
            .map(|address| Browser::at(&collector, address))
            .collect();
        for browser in &mut browsers {
            browser.sees(1, "/").await?;
        }
        kill(victim, &mut collector, &mut site).await?;
        site.ready().await?;
        // The next heartbeat of each open page.
        for browser in browsers.iter_mut().chain(&mut staying) {
            browser.sees(1, "/next").await?;
        }
        for browser in &browsers {
            arrives(&site, &browser.address).await?;
        }
        for browser in browsers.iter_mut().step_by(3) {
            browser.leaves(1).await?;
        }
        // A killed collector forgets who has just left, and such a row stays until it is stale.
        if victims.get(n + 1) == Some(&"collector") {
            for browser in browsers.iter().step_by(3) {
                is_gone(&site, &browser.address).await?;
            }
        }
        let stay = browsers.into_iter().enumerate().filter(|(n, _)| n % 3 != 0);
        staying.extend(stay.map(|(_, browser)| browser));
    }
    let open: BTreeSet<_> = staying.iter().map(|browser| browser.address.clone()).collect();
    table_equals(&site, &open, "/next").await?;
    no_lookup_was_paid_twice(&site)
}

/// Waits until the table shows these addresses, each once and on this page, and no other.
pub async fn table_equals(site: &Pipeline, open: &BTreeSet<String>, path: &str) -> Result<()> {
    eventually("the table equals the open tabs", async || {
        let sessions = site.sessions().await?;
        let shown: Vec<_> = sessions.values().map(|session| session.ip.to_string()).collect();
        ensure!(
            shown.len() == open.len(),
            "{} rows, {} tabs",
            shown.len(),
            open.len()
        );
        ensure!(shown.into_iter().collect::<BTreeSet<_>>() == *open);
        for session in sessions.values() {
            let page = session.page.as_ref().context("no page")?;
            ensure!(page.url.ends_with(path), "{page:?}");
        }
        Ok(())
    })
    .await
}

/// Fails if an address was looked up more than once.
pub fn no_lookup_was_paid_twice(site: &Pipeline) -> Result<()> {
    let stats = site.deanonymizer.stats();
    ensure!(
        stats.calls == stats.distinct_ips as u64,
        "a lookup was paid twice: {stats:?}"
    );
    Ok(())
}

/// Kills a process and starts it again.
pub async fn kill(victim: &str, collector: &mut Collector, site: &mut Pipeline) -> Result<()> {
    match victim {
        "collector" => {
            collector.process.kill().await?;
            collector.process.start()?;
            eventually("the collector is back", async || collector.health.ready().await).await?;
        }
        "ingestor" => {
            site.instance_mut(Role::Ingestor, 0)?.process.kill().await?;
            site.instance_mut(Role::Ingestor, 0)?.process.start()?;
        }
        _ => site.nats.process.restart().await?,
    }
    Ok(())
}

/// Visitors who are in the table.
async fn visitors(collector: &Collector, site: &Pipeline) -> Result<Vec<Browser>> {
    let mut browsers = Vec::new();
    for n in 0..OF_EACH {
        let mut browser = Browser::at(collector, &site.ip(Kind::CompanyOnly, n));
        browser.sees(1, "/").await?;
        browsers.push(browser);
    }
    for browser in &browsers {
        arrives(site, &browser.address).await?;
    }
    Ok(browsers)
}

#[tokio::test]
async fn visitors_who_leave_while_no_ingestor_listens_are_gone_when_one_connects() -> Result<()> {
    let collector = Collector::start(USUAL).await?;
    let mut site = patient_pipeline(&collector).await?;
    let mut browsers = visitors(&collector, &site).await?;
    site.instance_mut(Role::Ingestor, 0)?.process.kill().await?;
    for browser in &mut browsers {
        browser.leaves(1).await?;
    }
    eventually("the collector has closed them", async || {
        let name = "visitor_collector_events_total{kind=\"session-closed\"}";
        ensure!(collector.health.metric(name).await? == u64::from(OF_EACH));
        Ok(())
    })
    .await?;
    site.instance_mut(Role::Ingestor, 0)?.process.start()?;
    for browser in &browsers {
        is_gone(&site, &browser.address).await?;
    }
    Ok(())
}

#[tokio::test]
async fn visitors_who_leave_during_a_collector_restart_are_removed() -> Result<()> {
    let mut collector = Collector::start(USUAL).await?;
    let site = patient_pipeline(&collector).await?;
    let mut browsers = visitors(&collector, &site).await?;
    collector.process.kill().await?;
    collector.process.start()?;
    eventually("the collector is back", async || collector.health.ready().await).await?;
    for browser in &mut browsers {
        browser.leaves(1).await?;
    }
    for browser in &browsers {
        is_gone(&site, &browser.address).await?;
    }
    Ok(())
}
