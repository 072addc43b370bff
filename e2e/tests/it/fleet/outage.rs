//! A Deanonymizer that refuses connections under load.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::clients::Tap;
use e2e::load::Latencies;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::status::{Breaker, Figures, Status};
use simulator::deanonymizer::Latency;
use simulator::world::Kind;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How long each phase is measured.
const PHASE: Duration = Duration::from_secs(12);

/// Maximum number of probes per second by the whole fleet.
const TRIES: f64 = 5.0;

/// Visitors who are known, and new ones who keep coming.
struct Visitors {
    known: Vec<Visitor>,
    next: AtomicU32,
}

impl Visitors {
    fn new(site: &Pipeline) -> Self {
        let known = (0..200).map(|number| Visitor::from(&site.ip(Kind::Full, number)));
        Self {
            known: known.collect(),
            next: AtomicU32::new(0),
        }
    }

    /// 500 keep-alives and ten new visitors a second.
    async fn come(&self, site: &Pipeline) -> Infallible {
        let mut ticks = interval(Duration::from_millis(100));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = self.known.iter().cycle();
        loop {
            ticks.tick().await;
            let mut events: Vec<_> = known.by_ref().take(50).map(|known| known.keep_alive(0)).collect();
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            events.push(Visitor::from(&site.ip(Kind::CompanyOnly, number)).opened(0));
            site.send(&events);
        }
    }

    /// Runs `work` while visitors keep arriving.
    async fn around<T>(&self, site: &Pipeline, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            never = self.come(site) => match never {},
            done = work => done,
        }
    }
}

fn says_why(status: &Status) -> bool {
    matches!(&status.figures, Figures::Enricher(enricher)
        if enricher.breaker != Breaker::Closed && enricher.lookups_held_back.is_some())
}

/// Waits until metrics, statuses and the page report that calls are held back.
async fn is_reported(site: &Pipeline, statuses: &Tap) -> Result<()> {
    eventually("the metrics report that the breaker is open", async || {
        for enricher in site.instances(Role::Enricher) {
            let closed = enricher
                .http
                .metric(r#"visitor_enricher_breaker{state="closed"}"#)
                .await?;
            ensure!(closed == 0, "{} is closed", enricher.process.name());
        }
        Ok(())
    })
    .await?;
    statuses
        .first("an open breaker", |heard| {
            serde_json::from_slice(&heard.payload).is_ok_and(|status| says_why(&status))
        })
        .await?;
    eventually("the gateway reports that calls are held back", async || {
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        ensure!(pipeline.processes.iter().any(says_why), "{pipeline:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn does_not_delay_known_visitors() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 4)
        .alone()
        .start()
        .await?;
    site.deanonymizer
        .set_latency(Latency::fixed(Duration::from_millis(20)));
    let visitors = Visitors::new(&site);
    let openings: Vec<_> = visitors.known.iter().map(|known| known.opened(0)).collect();
    site.send(&openings);
    site.view_is_right().await?;
    let viewer = site.viewer().await?;
    let statuses = site.tap("visitor.status.enricher.>").await?;
    let watched = Visitor::from(&visitors.known[0].ip);
    site.send(&[watched.opened(0)]);
    site.shows(&watched).await?;

    let healthy = Latencies::measure(&site, &viewer, &watched, PHASE);
    let healthy = visitors.around(&site, healthy).await?.percentile(99);

    site.deanonymizer_refuses(true).await?;
    visitors.around(&site, is_reported(&site, &statuses)).await?;
    let (begun, before) = (Instant::now(), site.lookups_tried().await?);
    let outage = Latencies::measure(&site, &viewer, &watched, PHASE);
    let outage = visitors.around(&site, outage).await?.percentile(99);
    let tries = (site.lookups_tried().await? - before) as f64 / begun.elapsed().as_secs_f64();
    let waiting = site
        .instance(Role::Gateway, 0)?
        .http
        .stats()
        .await?
        .being_identified;

    site.deanonymizer_refuses(false).await?;
    let back = Instant::now();
    site.view_is_right().await?;
    println!(
        "p99 {healthy:?} before and {outage:?} in the outage, {tries:.1} calls/s meanwhile, {waiting} waited, \
         all in the view {:?} after its end",
        back.elapsed()
    );
    assert!(waiting > 0, "nobody had to wait");
    assert!(tries <= TRIES, "{tries} calls/s");
    viewer.missed_nothing()
}

/// Visitors who open a session during an outage and are never heard of again.
#[tokio::test]
async fn visitors_who_vanish_cost_no_further_work() -> Result<()> {
    const VANISHED: u32 = 300;
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--stale-after", "5s")
        .flag(Role::Gateway, "--stale-after", "5s")
        .start()
        .await?;
    let known = Visitor::from(&site.ip(Kind::Full, 0));
    site.send(&[known.opened(0)]);
    site.shows(&known).await?;
    site.deanonymizer_refuses(true).await?;

    site.arrive(Kind::CompanyOnly, 0..VANISHED);
    eventually("they are given up", async || {
        let postponed = r#"visitor_enricher_event_fates_total{kind="session-opened",fate="postponed"}"#;
        let postponed = site.metric(Role::Enricher, postponed).await?;
        ensure!(postponed >= u64::from(VANISHED), "{postponed}");
        Ok(())
    })
    .await?;
    // Longer than all prompt retries together.
    let viewer = site.viewer().await?;
    Latencies::measure(&site, &viewer, &known, PHASE).await?;
    let opened = r#"visitor_enricher_events_total{kind="session-opened"}"#;
    let handled = site.metric(Role::Enricher, opened).await?;
    ensure!(
        handled <= u64::from(2 * VANISHED),
        "{handled} openings were handled, {VANISHED} came"
    );
    Ok(())
}
