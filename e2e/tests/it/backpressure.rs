//! Overload: what waits, what is dropped first, and how it is reported.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::status::{Figures, IngestorFigures};
use protocol::stream;
use simulator::world::Kind;

/// Visitors from a few addresses.
fn visitors(site: &Pipeline, count: u32) -> Vec<Visitor> {
    (0..count)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n % 50)))
        .collect()
}

/// All of them come, a few at a time.
fn come(site: &Pipeline, visitors: &[Visitor]) {
    for some in visitors.chunks(500) {
        let events: Vec<_> = some.iter().map(|visitor| visitor.opened(0)).collect();
        site.send(&events);
    }
}

/// The ingestor's reason and figures, as the gateway and the page get them.
async fn ingestor_status(site: &Pipeline) -> Result<(Option<String>, IngestorFigures)> {
    let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
    let mut statuses = pipeline
        .processes
        .into_iter()
        .filter_map(|status| match status.figures {
            Figures::Ingestor(figures) => Some((status.reason, figures)),
            Figures::Enricher(_) | Figures::Gateway(_) | Figures::Notifier(_) => None,
        });
    statuses.next().context("there is no status of the ingestor")
}

#[tokio::test]
async fn events_wait_in_the_ingestor_while_the_queue_is_full() -> Result<()> {
    let small = Role::ALL.iter().fold(Pipeline::builder(), |builder, role| {
        builder.flag(*role, "--raw-mib", "1")
    });
    let mut site = small.start().await?;
    site.enricher()?.process.kill().await?;
    let visitors = visitors(&site, 9_000);
    come(&site, &visitors);
    eventually("the page reports that the queue is full", async || {
        let (reason, figures) = ingestor_status(&site).await?;
        ensure!(reason.is_some_and(|reason| reason.contains("full, the enrichers do not keep up")));
        ensure!(figures.waiting > 0, "{figures:?}");
        Ok(())
    })
    .await?;
    let jetstream = site.operator().await?;
    let raw = jetstream.get_stream(stream::RAW).await?;
    assert_eq!(
        raw.cached_info().state.first_sequence,
        1,
        "the queue has forgotten something"
    );

    site.enricher()?.process.start()?;
    site.ready().await?;
    site.view_is_right().await?;
    let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
    assert_eq!(stats.active_sessions, visitors.len() as u64);
    assert_eq!(ingestor_status(&site).await?.1.dropped, 0);
    Ok(())
}

#[tokio::test]
async fn oldest_events_are_dropped_and_counted_when_the_outbox_is_full() -> Result<()> {
    let mut site = Pipeline::builder()
        .flag(Role::Ingestor, "--buffer-mib", "1")
        .start()
        .await?;
    site.nats.process.kill().await?;
    let visitors = visitors(&site, 12_000);
    come(&site, &visitors);
    let dropped = "visitor_ingestor_events_dropped_total";
    eventually("something had to go", async || {
        let read = site
            .metric(Role::Ingestor, "visitor_ingestor_frames_received_total")
            .await?;
        ensure!(read == 12_000, "{read}");
        ensure!(site.metric(Role::Ingestor, dropped).await? > 0);
        Ok(())
    })
    .await?;
    site.nats.process.start()?;
    site.ready().await?;
    let last = visitors.last().context("there are visitors")?;
    site.shows(last).await?;
    site.queue_is_empty().await?;
    let dropped = site.metric(Role::Ingestor, dropped).await?;
    let sessions = eventually("all that was not given up is shown", async || {
        let sessions = site.sessions().await?;
        ensure!(
            sessions.len() as u64 == 12_000 - dropped,
            "{} and {dropped}",
            sessions.len()
        );
        Ok(sessions)
    })
    .await?;
    let shown = visitors
        .iter()
        .map(|visitor| sessions.contains_key(&visitor.guid));
    let first_shown = shown.clone().position(|is_shown| is_shown);
    assert_eq!(
        first_shown.map(|first| first as u64),
        Some(dropped),
        "not the oldest went"
    );
    eventually("the page reports the dropped events", async || {
        ensure!(ingestor_status(&site).await?.1.dropped == dropped);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn frozen_gateway_catches_up() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Gateway, 2).start().await?;
    let visitors = visitors(&site, 400);
    let (early, late) = visitors.split_at(200);
    come(&site, early);
    site.settle().await?;
    site.gateway()?.process.pause()?;
    come(&site, late);
    let closed: Vec<_> = early[..100].iter().map(|visitor| visitor.closed(0)).collect();
    site.send(&closed);
    eventually("the other gateway is not held up", async || {
        let stats = site.instance(Role::Gateway, 1)?.http.stats().await?;
        ensure!(stats.active_sessions == 300, "{stats:?}");
        Ok(())
    })
    .await?;
    site.gateway()?.process.resume()?;
    site.view_is_right().await
}

#[tokio::test]
async fn all_processes_recover_from_a_long_nats_outage_and_report_it() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .with(Role::Gateway, 2)
        .start()
        .await?;
    let visitors = visitors(&site, 20);
    come(&site, &visitors);
    site.settle().await?;
    site.nats.process.kill().await?;
    // Long enough to reach the longest pause of every backoff.
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for instance in Role::ALL.into_iter().flat_map(|role| site.instances(role)) {
            eventually("it says that it misses NATS", async || {
                let reason = instance.http.reason().await?;
                ensure!(reason.contains("nats"), "{reason}");
                Ok(())
            })
            .await?;
        }
    }
    site.send(&[visitors[0].closed(0)]);
    site.nats.process.start()?;
    site.ready().await?;
    site.view_is_right().await
}
