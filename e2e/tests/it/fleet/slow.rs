//! A Deanonymizer that is slow, refuses, or gives an unusable answer for one visitor: no other visitor is affected.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::load::{Condition, LookupTrial};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use simulator::deanonymizer::Failure;
use simulator::world::Kind;

#[tokio::test]
async fn slow_answers_identify_all_visitors_and_delay_nobody() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .stale_after(Duration::from_secs(10))
        .alone()
        .start()
        .await?;
    let trial = LookupTrial {
        new_per_second: 100,
        known: 200,
        lasting: Duration::from_secs(12),
        grace: Duration::ZERO,
    };
    let outcome = trial.run(&site, Condition::Late(Duration::from_secs(3))).await?;
    assert_eq!(outcome.known_missing, 0);
    assert!(
        outcome.max_in_flight > 256,
        "concurrency follows what the provider bears: {}",
        outcome.max_in_flight
    );
    site.view_is_right().await
}

#[tokio::test]
async fn half_of_the_calls_may_fail() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    site.deanonymizer.set_error_rate(0.5);
    let visitors = site.arrive(Kind::CompanyOnly, 0..300);
    eventually("everybody is identified", async || {
        let shown = site.sessions().await?.len();
        ensure!(shown == visitors.len(), "{shown}");
        Ok(())
    })
    .await?;
    let stats = site.deanonymizer.stats();
    assert_eq!(
        stats.successes, 300,
        "no right answer was paid for twice: {stats:?}"
    );
    let calls_per_ip = stats.calls as f64 / 300.0;
    assert!((1.5..2.6).contains(&calls_per_ip), "{calls_per_ip}");
    Ok(())
}

#[tokio::test]
async fn work_during_an_outage_is_bounded_by_the_input() -> Result<()> {
    const SESSIONS: u32 = 100;
    const ROUNDS: u64 = 40;
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    site.deanonymizer_refuses(true).await?;
    let visitors: Vec<_> = (0..SESSIONS)
        .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)))
        .collect();
    let mut sent = 0;
    for round in 0..=ROUNDS {
        let events = visitors.iter().map(|visitor| match round {
            0 => visitor.opened(0),
            _ => visitor.keep_alive(0),
        });
        site.send(&events.collect::<Vec<_>>());
        sent += u64::from(SESSIONS);
        eventually("the events are handled", async || {
            let handled = handled(&site).await?;
            ensure!(handled >= sent, "{handled} of {sent}");
            Ok(())
        })
        .await?;
    }
    let handled = handled(&site).await?;
    assert!(handled * 2 <= sent * 3, "{handled} events handled of {sent}");
    let held = site
        .metric(Role::Enricher, "visitor_enricher_deliveries_open")
        .await?;
    let enrichers = 2;
    assert!(
        held <= u64::from(SESSIONS) * 2 * enrichers,
        "{held} messages held"
    );
    site.deanonymizer_refuses(false).await?;
    site.view_is_right().await
}

async fn handled(site: &Pipeline) -> Result<u64> {
    let mut sum = 0;
    for kind in ["session-opened", "keep-alive"] {
        let metric = format!(r#"visitor_enricher_events_total{{kind="{kind}"}}"#);
        sum += site.metric(Role::Enricher, &metric).await?;
    }
    Ok(sum)
}

#[tokio::test]
async fn unusable_answer_is_paid_for_a_few_times_and_delays_no_other_visitor() -> Result<()> {
    let site = Pipeline::start().await?;
    let unlucky = Visitor::from(&site.ip(Kind::Full, 1));
    site.deanonymizer.fail_ip(&unlucky.ip, Failure::WrongTypes);
    site.send(&[unlucky.opened(0)]);
    for number in 0..50 {
        let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, number));
        site.send(&[visitor.opened(0), unlucky.keep_alive(0)]);
        site.shows(&visitor).await?;
    }
    let calls = site.deanonymizer.calls_for(&unlucky.ip).calls;
    assert!((1..=6).contains(&calls), "{calls} calls");
    site.deanonymizer.heal_ip(&unlucky.ip);
    site.shows(&unlucky).await.map(drop)
}
