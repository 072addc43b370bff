//! Processes that are stopped for longer than a deadline. When they resume, every deadline is due at once, while the data that
//! would have met it waits in their sockets: they must read first.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::times::StampedAt as _;
use e2e::{Visitor, eventually};
use simulator::deanonymizer::Latency;
use simulator::world::Kind;
use tokio::time::{Instant, sleep, timeout_at};

#[tokio::test]
async fn gateway_counts_events_received_while_it_was_frozen() -> Result<()> {
    const STALE_AFTER: Duration = Duration::from_secs(4);
    let site = Pipeline::builder().stale_after(STALE_AFTER).start().await?;
    let visitors: Vec<_> = (0..5)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(0)]);
    }
    for visitor in &visitors {
        site.shows(visitor).await?;
    }
    let keep_alive = async || {
        loop {
            for visitor in &visitors {
                site.send(&[visitor.keep_alive(0)]);
            }
            sleep(Duration::from_millis(250)).await;
        }
    };
    let gateway = &site.instance(Role::Gateway, 0)?;
    eventually("the gateway has heard of everybody", async || {
        let pipeline = gateway.http.pipeline().await?;
        ensure!(pipeline.processes.len() == 3, "{pipeline:?}");
        Ok(())
    })
    .await?;
    gateway.process.pause()?;
    let frozen = timeout_at(Instant::now() + STALE_AFTER * 2, keep_alive()).await;
    ensure!(frozen.is_err(), "the keep-alives ended");
    gateway.process.resume()?;
    let pipeline = gateway.http.pipeline().await?;
    assert_eq!(pipeline.processes.len(), 3, "nobody is gone: {pipeline:?}");
    let resumed_at = visitors[0].keep_alive(0).stamped_at().context("it has one")?;
    let reads_on = eventually("the gateway reads on", async || {
        let sessions = site.sessions().await?;
        ensure!(sessions.len() == visitors.len(), "{} are shown", sessions.len());
        ensure!(
            sessions
                .values()
                .all(|session| session.last_activity_at > resumed_at + 3_000)
        );
        Ok(())
    });
    tokio::select! {
        done = reads_on => done?,
        () = keep_alive() => {}
    }
    let stale = site.metric(Role::Gateway, "visitor_gateway_sessions_stale_total");
    assert_eq!(stale.await?, 0, "nobody left");
    Ok(())
}

#[tokio::test]
async fn answer_received_while_frozen_is_not_paid_for_twice() -> Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let mut site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-timeout", "1s")
        .start()
        .await?;
    site.deanonymizer.set_latency(Latency::fixed(TIMEOUT / 2));
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    eventually("the call is under way", async || {
        ensure!(site.deanonymizer.stats().calls == 1);
        Ok(())
    })
    .await?;
    site.enricher()?.process.pause()?;
    sleep(TIMEOUT * 2).await;
    site.enricher()?.process.resume()?;
    site.shows(&visitor).await?;
    assert_eq!(site.deanonymizer.stats().calls, 1);
    Ok(())
}
