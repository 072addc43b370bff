//! Clocks that are wrong and clocks that step: the host's of each process, and the NATS server's own. Neither removes a
//! session nor keeps one.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, WAIT_TIMEOUT, eventually};
use protocol::frame::Stats;
use service::clock;
use simulator::world::Kind;
use tokio::time::sleep;

const HOUR: i64 = 3_600;

/// After how long these sessions are stale: less than any clock is wrong, more than a busy machine needs for anything.
const STALE_AFTER: Duration = Duration::from_secs(20);

/// The offset of its host's clock that a process reports, in seconds.
async fn offset(site: &Pipeline, role: Role) -> Result<f64> {
    let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
    let status = pipeline
        .processes
        .iter()
        .find(|status| status.figures.process() == role.name());
    let status = status.with_context(|| format!("there is no status of the {}", role.name()))?;
    status.clock_offset_seconds.context("it knows no offset")
}

/// Steps the clocks of all processes of a kind, and waits until they have noticed.
async fn step(site: &Pipeline, role: Role, seconds: i64) -> Result<()> {
    for instance in site.instances(role) {
        instance.set_clock_offset(seconds)?;
    }
    eventually(&format!("the {} notices", role.name()), async || {
        let offset = offset(site, role).await?;
        ensure!((offset - seconds as f64).abs() < 1.0, "{offset}");
        Ok(())
    })
    .await
}

async fn stats(site: &Pipeline) -> Result<Stats> {
    let answer = site.instance(Role::Gateway, 0)?.http.get("/api/stats").await?;
    Ok(serde_json::from_str(&answer.text)?)
}

/// Visitors who stay on the website.
fn come(site: &Pipeline, count: u32) -> Vec<Visitor> {
    let visitors: Vec<_> = (0..count)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(3_000), visitor.keep_alive(0)]);
    }
    visitors
}

/// Checks that exactly these are shown.
async fn shown_are(site: &Pipeline, visitors: &[&Visitor]) -> Result<()> {
    eventually("those who are there are shown, and nobody else", async || {
        let shown: Vec<_> = site.sessions().await?.into_keys().collect();
        let mut expected: Vec<_> = visitors.iter().map(|visitor| visitor.guid.clone()).collect();
        expected.sort();
        ensure!(shown == expected, "{} of {}", shown.len(), expected.len());
        Ok(())
    })
    .await
}

/// While a clock is wrong, and afterwards: live sessions stay, new ones appear, closed ones leave, silent ones go stale,
/// and no average is negative. No viewer sees a live row disappear.
async fn nothing_is_wrong(
    site: &mut Pipeline,
    change: impl AsyncFn(&mut Pipeline) -> Result<()>,
) -> Result<()> {
    let visitors = come(site, 10);
    shown_are(site, &visitors.iter().collect::<Vec<_>>()).await?;
    let viewer = site.viewer().await?;
    change(site).await?;
    assert_eq!(
        site.sessions().await?.len(),
        visitors.len(),
        "all are still there"
    );
    assert!(stats(site).await?.average_session_seconds >= 0.0);

    let new = come(site, 3);
    for visitor in &visitors[2..] {
        site.send(&[visitor.keep_alive(0)]);
    }
    site.send(&[visitors[2].closed(0)]);
    let mut there: Vec<_> = visitors
        .iter()
        .filter(|visitor| **visitor != visitors[2])
        .collect();
    there.extend(&new);
    shown_are(site, &there).await?;
    let seconds = stats(site).await?.average_session_seconds;
    assert!((0.0..600.0).contains(&seconds), "{seconds}");
    viewer.missed_nothing()
}

/// All processes with clocks of their own, one after the other ahead and behind.
async fn wrong_clocks(role: Role, seconds: i64) -> Result<()> {
    let mut site = Pipeline::builder().fake_clocks().start().await?;
    nothing_is_wrong(&mut site, async |site| step(site, role, seconds).await).await?;
    nothing_is_wrong_again(&mut site, role).await
}

/// The clock is right again, and the view must match the oracle.
async fn nothing_is_wrong_again(site: &mut Pipeline, role: Role) -> Result<()> {
    step(site, role, 0).await?;
    site.view_is_right().await?;
    site.settle().await?;
    site.view_is_right().await
}

#[tokio::test]
async fn gateway_with_a_fast_clock_shows_all_sessions() -> Result<()> {
    wrong_clocks(Role::Gateway, 980).await
}

#[tokio::test]
async fn gateway_with_a_slow_clock_shows_all_sessions() -> Result<()> {
    wrong_clocks(Role::Gateway, -HOUR).await
}

#[tokio::test]
async fn ingestor_with_a_fast_clock_stamps_the_right_receipt() -> Result<()> {
    wrong_clocks(Role::Ingestor, HOUR).await
}

#[tokio::test]
async fn ingestor_with_a_slow_clock_stamps_the_right_receipt() -> Result<()> {
    wrong_clocks(Role::Ingestor, -120).await
}

#[tokio::test]
async fn enricher_survives_a_clock_step() -> Result<()> {
    wrong_clocks(Role::Enricher, HOUR).await?;
    wrong_clocks(Role::Enricher, -HOUR).await
}

#[tokio::test]
async fn clock_steps_on_all_hosts_have_no_effect() -> Result<()> {
    for seconds in [HOUR, -HOUR] {
        let mut site = Pipeline::builder().fake_clocks().start().await?;
        nothing_is_wrong(&mut site, async |site| {
            for role in Role::ALL {
                step(site, role, seconds).await?;
            }
            Ok(())
        })
        .await?;
        site.view_is_right().await?;
    }
    Ok(())
}

#[tokio::test]
async fn staleness_follows_the_monotonic_clock() -> Result<()> {
    let mut site = Pipeline::builder()
        .fake_clocks()
        .stale_after(STALE_AFTER)
        .start()
        .await?;
    let visitors = come(&site, 2);
    shown_are(&site, &visitors.iter().collect::<Vec<_>>()).await?;
    // If the view followed a clock that was set back, the session would stay for an hour.
    step(&site, Role::Gateway, -HOUR).await?;
    step(&site, Role::Ingestor, HOUR).await?;
    site.shows_no(&visitors[0]).await?;
    shown_are(&site, &[]).await?;
    let back = site
        .instance(Role::Gateway, 0)?
        .http
        .metric("visitor_gateway_sessions_stale_total")
        .await?;
    assert_eq!(back, 2, "each went once");
    site.ready().await
}

#[tokio::test]
async fn receipts_from_before_nats_is_reachable_are_right() -> Result<()> {
    let mut site = Pipeline::builder().fake_clocks().launch().await?;
    for (role, seconds) in [
        (Role::Ingestor, -120),
        (Role::Enricher, HOUR),
        (Role::Gateway, 120),
    ] {
        let instance = site.instance_mut(role, 0)?;
        instance.set_clock_offset(seconds)?;
        instance.process.restart().await?;
    }
    site.emitter.wait_for_clients(1, WAIT_TIMEOUT).await?;
    let visitors = come(&site, 10);
    eventually("the ingestor holds their events", async || {
        let waiting = site
            .metric(Role::Ingestor, "visitor_ingestor_events_waiting")
            .await?;
        ensure!(waiting == 20, "{waiting}");
        Ok(())
    })
    .await?;
    site.nats.process.start()?;
    site.ready().await?;
    shown_are(&site, &visitors.iter().collect::<Vec<_>>()).await?;
    site.view_is_right().await?;
    assert_eq!(
        site.metric(Role::Enricher, "visitor_enricher_timestamps_replaced_total")
            .await?,
        0
    );
    let log = site.gateway()?.process.log()?;
    assert_eq!(log.matches("this host's clock differs").count(), 1, "{log}");
    Ok(())
}

/// Waits until the clocks of all processes differ from this test's clock by this number of seconds.
async fn all_follow_nats(site: &Pipeline, seconds: i64) -> Result<()> {
    eventually("all processes follow the NATS server's clock", async || {
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        ensure!(pipeline.processes.len() == 3);
        for status in pipeline.processes {
            let ahead = status.at - clock::now();
            ensure!(
                (ahead - seconds * 1_000).abs() < 30_000,
                "{status:?} is {ahead} ms ahead"
            );
        }
        Ok(())
    })
    .await
}

/// Sends keep-alives of all live sessions from time to time, until the work is done.
async fn while_all_keep_alive<T>(site: &Pipeline, visitors: &[Visitor], work: impl Future<Output = T>) -> T {
    let signs_of_life = async {
        loop {
            for visitor in visitors {
                site.send(&[visitor.keep_alive(0)]);
            }
            sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = signs_of_life => unreachable!("it goes on for ever"),
    }
}

#[tokio::test]
async fn clock_step_of_nats_removes_no_session_and_keeps_none() -> Result<()> {
    for seconds in [HOUR, -HOUR, 120, -120] {
        let mut site = Pipeline::builder()
            .through_proxies()
            .stale_after(STALE_AFTER)
            .start()
            .await?;
        let visitors = come(&site, 10);
        let (there, silent) = visitors.split_at(9);
        shown_are(&site, &visitors.iter().collect::<Vec<_>>()).await?;
        // Forward and back, like a clock that is wrong for a moment.
        for offset in [seconds, 0] {
            site.set_nats_clock_offset(offset);
            while_all_keep_alive(&site, there, async {
                all_follow_nats(&site, offset).await?;
                site.shows_no(&silent[0]).await?;
                shown_are(&site, &there.iter().collect::<Vec<_>>()).await
            })
            .await?;
            assert!(stats(&site).await?.average_session_seconds >= 0.0);
        }
        let stale = site.metric(Role::Gateway, "visitor_gateway_sessions_stale_total");
        assert_eq!(stale.await?, 1, "only the silent one, and once");
        site.send(&[there[0].closed(0)]);
        while_all_keep_alive(
            &site,
            &there[1..],
            shown_are(&site, &there[1..].iter().collect::<Vec<_>>()),
        )
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn gateway_started_after_a_clock_step_of_nats_shows_live_sessions() -> Result<()> {
    for seconds in [HOUR, -HOUR] {
        let mut site = Pipeline::builder()
            .through_proxies()
            .stale_after(STALE_AFTER)
            .start()
            .await?;
        let visitors = come(&site, 10);
        let (there, silent) = visitors.split_at(9);
        shown_are(&site, &visitors.iter().collect::<Vec<_>>()).await?;
        site.set_nats_clock_offset(seconds);
        while_all_keep_alive(&site, there, all_follow_nats(&site, seconds)).await?;
        site.gateway()?.process.restart().await?;
        site.gateway()?.ready().await?;
        while_all_keep_alive(&site, there, async {
            site.shows_no(&silent[0]).await?;
            shown_are(&site, &there.iter().collect::<Vec<_>>()).await
        })
        .await?;
    }
    Ok(())
}
