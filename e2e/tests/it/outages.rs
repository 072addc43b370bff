//! NATS is killed and loses its streams, which are in memory.

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::times::StampedAt as _;
use e2e::{Visitor, eventually};
use simulator::world::Kind;

/// Waits until every process reports that NATS is unreachable.
async fn everybody_misses_nats(site: &Pipeline) -> Result<()> {
    for role in Role::ALL {
        eventually(&format!("every {} misses NATS", role.name()), async || {
            for instance in site.instances(role) {
                let reason = instance.http.reason().await?;
                ensure!(reason.contains("nats"), "{reason}");
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Waits until the gateway has recent statuses of this number of processes, including its own.
async fn gateway_knows_of(site: &Pipeline, processes: usize) -> Result<()> {
    eventually(
        &format!("the gateway knows of {processes} processes"),
        async || {
            let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
            ensure!(pipeline.processes.len() == processes, "{pipeline:?}");
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn killed_nats_server_is_restored_from_the_processes() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .with(Role::Gateway, 2)
        .start()
        .await?;
    let visitors: Vec<_> = (0..200)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    let (stay, leave) = visitors.split_at(120);
    for visitor in &visitors {
        site.send(&[visitor.opened(1_000), visitor.keep_alive(500)]);
    }
    site.settle().await?;
    let viewer = site.viewer().await?;
    let calls = site.deanonymizer.stats().calls;

    site.nats.process.kill().await?;
    everybody_misses_nats(&site).await?;
    let new: Vec<_> = (0..50)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in leave {
        site.send(&[visitor.closed(0)]);
    }
    for visitor in &new {
        site.send(&[visitor.opened(0)]);
    }
    for visitor in stay {
        site.send(&[visitor.keep_alive(0)]);
    }
    assert_eq!(
        site.sessions().await?.len(),
        200,
        "the view is served although NATS is away"
    );

    site.nats.process.start()?;
    site.ready().await?;
    site.view_is_right().await?;
    site.settle().await?;
    site.view_is_right().await?;
    viewer.missed_nothing()?;
    assert_eq!(
        site.deanonymizer.stats().calls,
        calls,
        "profiles that were paid for are put back"
    );

    // The streams are restored as well: a gateway that starts only now has the same view.
    site.add(Role::Gateway)?;
    site.ready().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn closing_survives_a_nats_restart() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    site.send(&[visitor.closed(0)]);
    site.settle().await?;
    let viewer = site.viewer_recording().await?;
    site.nats.process.restart().await?;
    site.ready().await?;
    site.send(&[visitor.keep_alive(0), visitor.opened(0)]);
    site.settle().await?;
    assert!(site.sessions().await?.is_empty());
    assert!(
        viewer.frames().iter().all(|frame| !frame.contains(&visitor.guid)),
        "it came back for a moment"
    );
    Ok(())
}

#[tokio::test]
async fn opening_time_survives_restarts_of_nats_and_gateway() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    let opened = visitor.opened(5_000);
    site.send(&[opened.clone(), visitor.keep_alive(2_000)]);
    site.settle().await?;
    site.nats.process.restart().await?;
    site.ready().await?;
    site.settle().await?;
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    let session = site.shows(&visitor).await?;
    assert_eq!(Some(session.opened_at), opened.stamped_at());
    site.view_is_right().await
}

#[tokio::test]
async fn repeated_nats_restarts_lose_nothing() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    for restart in 0..4 {
        let visitors: Vec<_> = (0..60)
            .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, restart * 60 + n)))
            .collect();
        for visitor in &visitors {
            site.send(&[visitor.opened(0)]);
        }
        // In the middle of it all.
        site.nats.process.restart().await?;
        for visitor in &visitors[..20] {
            site.send(&[visitor.closed(0)]);
        }
    }
    site.ready().await?;
    site.view_is_right().await?;
    let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
    assert_eq!(stats.active_sessions, 4 * 40);
    Ok(())
}

#[tokio::test]
async fn processes_wait_for_a_frozen_nats_server() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let before = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[before.opened(0)]);
    site.shows(&before).await?;
    gateway_knows_of(&site, 3).await?;
    site.nats.process.pause()?;
    let meanwhile = Visitor::from(&site.ip(Kind::Full, 2));
    site.send(&[meanwhile.opened(0), before.keep_alive(0)]);
    gateway_knows_of(&site, 1).await?;
    site.nats.process.resume()?;
    site.ready().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn processes_wait_for_nats_at_start() -> Result<()> {
    let mut site = Pipeline::builder().launch().await?;
    everybody_misses_nats(&site).await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.emitter.wait_for_clients(1, e2e::WAIT_TIMEOUT).await?;
    site.send(&[visitor.opened(0)]);
    site.nats.process.start()?;
    site.ready().await?;
    site.shows(&visitor).await?;
    site.view_is_right().await
}

#[tokio::test]
async fn processes_wait_for_the_third_parties_at_start() -> Result<()> {
    let mut site = Pipeline::builder().launch().await?;
    site.emitter_refuses(true).await?;
    site.deanonymizer_refuses(true).await?;
    site.nats.process.start()?;
    eventually("the ingestor misses the emitter", async || {
        let reason = site.instance(Role::Ingestor, 0)?.http.reason().await?;
        ensure!(reason.starts_with("emitter"), "{reason}");
        Ok(())
    })
    .await?;
    site.emitter_refuses(false).await?;
    site.ready().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    eventually("the visitor is being identified", async || {
        let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
        ensure!(stats.being_identified == 1, "{stats:?}");
        Ok(())
    })
    .await?;
    site.deanonymizer_refuses(false).await?;
    site.view_is_right().await
}
