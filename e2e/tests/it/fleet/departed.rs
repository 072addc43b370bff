//! No lookups for visitors who leave or go stale before an enricher can look them up.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::times::StampedAt as _;
use e2e::{Visitor, eventually};
use protocol::Timestamp;
use protocol::time::millis;
use service::clock;
use simulator::event::Event;
use simulator::world::Kind;

fn visitors(site: &Pipeline, count: u32) -> Vec<Visitor> {
    (0..count)
        .map(|number| Visitor::from(&site.ip(Kind::Full, number)))
        .collect()
}

fn of_all(visitors: &[Visitor], event: impl Fn(&Visitor) -> Event) -> Vec<Event> {
    visitors.iter().map(event).collect()
}

/// Waits until events of that time are older than this duration.
async fn are_older(sent_at: Timestamp, age: Duration) -> Result<()> {
    eventually("the events are old", async || {
        ensure!(clock::now() - sent_at > millis(age));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn session_closed_before_an_enricher_ran_is_not_looked_up() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 0)
        .with(Role::Gateway, 0)
        .start()
        .await?;
    let gone = visitors(&site, 300);
    site.send(&of_all(&gone, |visitor| visitor.opened(0)));
    site.send(&of_all(&gone, |visitor| visitor.closed(0)));
    are_older(clock::now(), Duration::from_secs(2)).await?;
    for role in [Role::Enricher, Role::Enricher, Role::Gateway] {
        site.add(role)?;
    }
    site.ready().await?;
    site.queue_is_empty().await?;
    assert_eq!(site.deanonymizer.stats().calls, 0);
    assert!(site.sessions().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn stale_session_is_looked_up_when_it_returns() -> Result<()> {
    let stale_after = Duration::from_secs(4);
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 0)
        .with(Role::Gateway, 0)
        .stale_after(stale_after)
        .start()
        .await?;
    let silent = visitors(&site, 20);
    let opened = of_all(&silent, |visitor| visitor.opened(1_000));
    site.send(&opened);
    are_older(clock::now(), stale_after + Duration::from_secs(1)).await?;
    for role in [Role::Enricher, Role::Enricher, Role::Gateway] {
        site.add(role)?;
    }
    site.ready().await?;
    eventually("the old events were given back to the queue", async || {
        let seen = r#"visitor_enricher_events_total{kind="session-opened"}"#;
        let seen = site.metric(Role::Enricher, seen).await?;
        ensure!(seen >= 2 * silent.len() as u64, "{seen} were handled");
        Ok(())
    })
    .await?;
    assert_eq!(site.deanonymizer.stats().calls, 0);
    assert!(site.sessions().await?.is_empty());

    eventually("everybody is shown with the opened time", async || {
        // A session without events goes stale again.
        site.send(&of_all(&silent, |visitor| visitor.keep_alive(0)));
        let sessions = site.sessions().await?;
        for (visitor, opened) in silent.iter().zip(&opened) {
            let opened_at = sessions.get(&visitor.guid).map(|session| session.opened_at);
            ensure!(opened_at == opened.stamped_at(), "{opened_at:?}");
        }
        Ok(())
    })
    .await?;
    assert_eq!(site.deanonymizer.stats().calls, silent.len() as u64);
    Ok(())
}
