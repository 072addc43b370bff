//! A gateway that is cut off from the website removes no session and reports since when. Afterwards it catches up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::clients::{Http, Viewer};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::frame::{Removal, Stats};
use protocol::status::{Figures, Part};
use protocol::time::millis;
use service::clock;
use simulator::world::Kind;

/// After how much silence a session is stale.
const STALE_AFTER: Duration = Duration::from_secs(6);

/// Three visitors: one sends keep-alives, one falls silent, and one closes the session.
struct Visitors {
    stays: Visitor,
    leaves: Visitor,
    closes: Visitor,
}

impl Visitors {
    fn of(site: &Pipeline) -> Self {
        let [stays, leaves, closes] = [1, 2, 3].map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)));
        Self {
            stays,
            leaves,
            closes,
        }
    }

    async fn come(&self, site: &Pipeline) -> Result<()> {
        let all = [&self.stays, &self.leaves, &self.closes];
        site.send(&all.map(|visitor| visitor.opened(0)));
        for visitor in all {
            site.shows(visitor).await?;
        }
        Ok(())
    }
}

fn gateway(site: &Pipeline) -> Result<&Http> {
    Ok(&site.instance(Role::Gateway, 0)?.http)
}

/// The gateway's figures, and which parts it says are cut off.
async fn says(site: &Pipeline) -> Result<(Stats, BTreeSet<&'static str>)> {
    let gateway = gateway(site)?;
    let interruptions = gateway.pipeline().await?.interruptions;
    let parts = interruptions.iter().map(|interruption| match interruption.part {
        Part::Streams => "streams",
        Part::Ingestors => "ingestors",
        Part::Enrichers => "enrichers",
        Part::Backlog => "backlog",
    });
    Ok((gateway.stats().await?, parts.collect()))
}

/// Waits until the gateway has been cut off from `parts` for longer than a session may be silent, while whoever stays
/// says so; meanwhile every row stays.
async fn is_cut_off_for_long(site: &Pipeline, visitors: &Visitors, parts: &[&'static str]) -> Result<()> {
    eventually(&format!("{parts:?} are cut off for long"), async || {
        site.send(&[visitors.stays.keep_alive(0)]);
        let (stats, cut_off) = says(site).await?;
        let rows = site.sessions().await?.len();
        ensure!(rows == 3 && stats.active_sessions == 3, "{rows} rows, {stats:?}");
        let as_of = stats.as_of.context("it says that it is up to date")?;
        ensure!(cut_off == parts.iter().copied().collect(), "{cut_off:?}");
        let blind = clock::now() - as_of;
        ensure!(blind > millis(STALE_AFTER) + 3_000, "for {blind} ms");
        Ok(())
    })
    .await
}

/// Waits until only the active visitor is shown and the gateway reports that it is up to date.
async fn only_the_one_who_stays_is_shown(site: &Pipeline, visitors: &Visitors) -> Result<()> {
    eventually("only the one who stays is shown", async || {
        site.send(&[visitors.stays.keep_alive(0)]);
        let sessions = site.sessions().await?;
        ensure!(
            sessions.keys().eq([&visitors.stays.guid]),
            "{:?}",
            sessions.keys().collect::<Vec<_>>()
        );
        let (stats, cut_off) = says(site).await?;
        ensure!(
            stats.as_of.is_none() && cut_off.is_empty(),
            "{stats:?}, {cut_off:?}"
        );
        Ok(())
    })
    .await
}

/// Waits until the viewer has seen both leave, and returns the reasons.
async fn removals(viewer: &Viewer, visitors: &Visitors) -> Result<BTreeMap<String, Removal>> {
    let went = [&visitors.leaves.guid, &visitors.closes.guid];
    let view = viewer
        .sees("the removals", |view| {
            went.iter().all(|guid| view.removals.contains_key(*guid))
        })
        .await?;
    Ok(view.removals)
}

fn builder() -> e2e::processes::Builder {
    Pipeline::builder().stale_after(STALE_AFTER)
}

#[tokio::test]
async fn gateway_cut_off_from_nats_keeps_its_rows_and_catches_up() -> Result<()> {
    let site = builder().through_proxies().start().await?;
    let visitors = Visitors::of(&site);
    visitors.come(&site).await?;
    let viewer = site.viewer().await?;
    site.instance(Role::Gateway, 0)?.cut_from_nats()?;
    site.send(&[visitors.closes.closed(0)]);
    is_cut_off_for_long(&site, &visitors, &["streams"]).await?;

    site.instance(Role::Gateway, 0)?.restore_nats();
    only_the_one_who_stays_is_shown(&site, &visitors).await?;
    let removals = removals(&viewer, &visitors).await?;
    assert!(!removals.contains_key(&visitors.stays.guid), "{removals:?}");
    assert_eq!(removals.get(&visitors.closes.guid), Some(&Removal::Closed));
    assert_eq!(removals.get(&visitors.leaves.guid), Some(&Removal::Stale));
    viewer.missed_nothing()
}

#[tokio::test]
async fn no_session_goes_stale_without_an_ingestor_and_that_time_does_not_count() -> Result<()> {
    let mut site = builder().start().await?;
    let visitors = Visitors::of(&site);
    visitors.come(&site).await?;
    let viewer = site.viewer().await?;
    site.ingestor()?.process.kill().await?;
    is_cut_off_for_long(&site, &visitors, &["ingestors"]).await?;

    site.ingestor()?.process.start()?;
    site.emitter.wait_for_clients(1, e2e::WAIT_TIMEOUT).await?;
    site.send(&[visitors.closes.closed(0)]);
    eventually("the ingestor is heard again", async || {
        site.send(&[visitors.stays.keep_alive(0)]);
        let (stats, cut_off) = says(&site).await?;
        ensure!(stats.as_of.is_none(), "{cut_off:?}");
        Ok(())
    })
    .await?;
    only_the_one_who_stays_is_shown(&site, &visitors).await?;
    let removals = removals(&viewer, &visitors).await?;
    assert!(!removals.contains_key(&visitors.stays.guid), "{removals:?}");
    assert_eq!(removals.get(&visitors.leaves.guid), Some(&Removal::Stale));
    viewer.missed_nothing()
}

#[tokio::test]
async fn no_session_goes_stale_without_an_enricher_until_the_queue_is_processed() -> Result<()> {
    let mut site = builder().start().await?;
    let visitors = Visitors::of(&site);
    visitors.come(&site).await?;
    let viewer = site.viewer().await?;
    site.enricher()?.process.kill().await?;
    site.send(&[visitors.closes.closed(0)]);
    is_cut_off_for_long(&site, &visitors, &["enrichers"]).await?;

    site.enricher()?.process.start()?;
    only_the_one_who_stays_is_shown(&site, &visitors).await?;
    let removals = removals(&viewer, &visitors).await?;
    assert!(!removals.contains_key(&visitors.stays.guid), "{removals:?}");
    assert_eq!(removals.get(&visitors.closes.guid), Some(&Removal::Closed));
    viewer.missed_nothing()
}

#[tokio::test]
async fn sessions_go_stale_while_the_emitter_is_disconnected_and_the_reason_is_shown() -> Result<()> {
    let site = builder().start().await?;
    let visitors = Visitors::of(&site);
    visitors.come(&site).await?;
    site.emitter_refuses(true).await?;
    site.emitter.close_all();
    eventually("the table has emptied", async || {
        let (stats, cut_off) = says(&site).await?;
        ensure!(stats.active_sessions == 0, "{stats:?}");
        ensure!(
            stats.as_of.is_none() && cut_off.is_empty(),
            "{stats:?}, {cut_off:?}"
        );
        Ok(())
    })
    .await?;
    let processes = gateway(&site)?.pipeline().await?.processes;
    let ingestor = processes.iter().find_map(|status| match &status.figures {
        Figures::Ingestor(figures) => Some(figures),
        Figures::Enricher(_) | Figures::Gateway(_) | Figures::Notifier(_) => None,
    });
    let ingestor = ingestor.context("no ingestor is heard")?;
    ensure!(
        !ingestor.emitter_connected && ingestor.emitter_silent_seconds > 1.0,
        "{ingestor:?}"
    );
    Ok(())
}

#[tokio::test]
async fn starting_gateway_without_other_processes_is_not_ready_and_says_why() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Ingestor, 0)
        .with(Role::Enricher, 0)
        .launch()
        .await?;
    site.nats.process.start()?;
    eventually("the gateway misses both", async || {
        let reason = gateway(&site)?.reason().await?;
        ensure!(
            reason.contains("no ingestor is heard, no enricher is heard"),
            "{reason}"
        );
        let (_, cut_off) = says(&site).await?;
        ensure!(cut_off == ["ingestors", "enrichers"].into(), "{cut_off:?}");
        Ok(())
    })
    .await?;
    site.add(Role::Ingestor)?;
    site.add(Role::Enricher)?;
    site.ready().await?;
    let (stats, cut_off) = says(&site).await?;
    assert!(
        stats.as_of.is_none() && cut_off.is_empty(),
        "{stats:?}, {cut_off:?}"
    );
    Ok(())
}
