//! `--lookup-budget`: what the whole fleet may spend.

use anyhow::{Result, ensure};
use e2e::{Pipeline, Role, Visitor, eventually};
use protocol::Millis;
use protocol::status::Figures;
use service::clock;
use simulator::event::Event;
use simulator::world::Kind;

const MINUTE: Millis = 60_000;

fn openings(site: &Pipeline, numbers: std::ops::Range<u32>) -> Vec<Event> {
    numbers
        .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)).opened(0))
        .collect()
}

#[tokio::test]
async fn limits_the_fleet_and_delays_only_unknown_visitors() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-budget", "5/min")
        .start()
        .await?;
    let first_minute = clock::now() / MINUTE;
    let known = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[known.opened(0)]);
    site.shows(&known).await?;
    site.send(&openings(&site, 0..20));
    eventually(
        "the budget is used up, and the rest is being identified",
        async || {
            let calls = site.deanonymizer.stats().calls;
            // Each minute that has begun meanwhile has a budget of its own.
            let minutes = u64::try_from(clock::now() / MINUTE - first_minute + 1)?;
            assert!(calls <= 5 * minutes, "{calls} calls in {minutes} minutes");
            let stats = site.member(Role::Gateway, 0)?.http.stats().await?;
            ensure!(calls >= 5, "{calls} calls");
            // One that goes from enricher to enricher may count twice.
            ensure!(stats.active_sessions + stats.being_identified >= 21, "{stats:?}");
            Ok(())
        },
    )
    .await?;
    let mut next = 20;
    eventually("every enricher says why calls are held back", async || {
        // An enricher learns of it when it has somebody to look up.
        site.send(&openings(&site, next..next + 1));
        next += 1;
        let pipeline = site.member(Role::Gateway, 0)?.http.pipeline().await?;
        let reasons = pipeline
            .processes
            .iter()
            .filter_map(|process| match &process.figures {
                Figures::Enricher(enricher) => enricher.lookups_held_back.clone(),
                Figures::Ingestor(_) | Figures::Gateway(_) => None,
            });
        let reasons: Vec<_> = reasons.filter(|reason| reason.contains("5/min")).collect();
        ensure!(reasons.len() == 2, "{pipeline:?}");
        Ok(())
    })
    .await?;
    let again = Visitor::from(&known.ip);
    let touch = known.keep_alive(0);
    site.send(&[again.opened(0), touch.clone()]);
    site.shows(&again).await?;
    eventually("the known visitor goes on", async || {
        let session = site.shows(&known).await?;
        ensure!(Some(session.last_activity_at) == touch.timestamp_ms());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn is_used_to_the_last_call_under_concurrency() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-budget", "200/day")
        .start()
        .await?;
    site.send(&openings(&site, 0..300));
    eventually("the budget is used up", async || {
        let stats = site.member(Role::Gateway, 0)?.http.stats().await?;
        ensure!(
            stats.active_sessions == 200 && stats.being_identified >= 100,
            "{stats:?}"
        );
        Ok(())
    })
    .await?;
    assert_eq!(site.deanonymizer.stats().calls, 200);
    Ok(())
}

#[tokio::test]
async fn is_not_spent_on_refused_connections() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-budget", "5/day")
        .start()
        .await?;
    site.deanonymizer_refuses(true).await?;
    site.send(&openings(&site, 0..5));
    eventually("more calls are refused than may be made", async || {
        let tried = site.lookups_tried().await?;
        ensure!(tried > 5, "{tried}");
        Ok(())
    })
    .await?;
    site.deanonymizer_refuses(false).await?;
    site.view_is_right().await?;
    assert_eq!(site.sessions().await?.len(), 5);
    let bill = site.member(Role::Gateway, 0)?.http.pipeline().await?.lookups;
    assert_eq!(site.deanonymizer.stats().calls, 5);
    assert!(bill.paid <= 5, "{bill:?}");
    Ok(())
}
