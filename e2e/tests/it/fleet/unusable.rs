//! Answers that retrying does not change: the whole fleet together asks a few times, and nobody else is affected.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually, within};
use simulator::deanonymizer::Failure;
use simulator::world::Kind;
use tokio::time::Instant;

/// The pauses after the second and the third call.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

/// The visitor's session goes on while one enricher after the other is killed, so that it moves between them.
async fn few_calls_over_kills(enrichers: usize) -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, enrichers)
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.deanonymizer.fail_ip(&visitor.ip, Failure::MissingFields);
    site.send(&[visitor.opened(0)]);
    eventually("a damaged answer is asked for again", async || {
        let calls = site.deanonymizer.calls_for(&visitor.ip).calls;
        ensure!(calls >= 2, "{calls} calls");
        Ok(())
    })
    .await?;
    let begun = Instant::now();
    loop {
        // Read before the time, so that a call that is seen was not made later.
        let calls = site.deanonymizer.calls_for(&visitor.ip).calls;
        let elapsed = begun.elapsed() + Duration::from_secs(1);
        let pauses = PAUSES.iter().take(usize::try_from(calls)?.saturating_sub(2));
        let least: Duration = pauses.sum();
        ensure!(elapsed >= least, "{calls} calls after {elapsed:?}");
        if calls >= 4 {
            break;
        }
        let holder = eventually("an enricher has the session", async || {
            if site.deanonymizer.calls_for(&visitor.ip).calls >= 4 {
                return Ok(None);
            }
            for number in 0..enrichers {
                let enricher = site.instance(Role::Enricher, number)?;
                let waits = "visitor_enricher_sessions_being_identified";
                if enricher.http.metric(waits).await? > 0 {
                    return Ok(Some(number));
                }
            }
            anyhow::bail!("none has")
        })
        .await?;
        let Some(holder) = holder else { continue };
        site.send(&[visitor.keep_alive(0)]);
        site.instance_mut(Role::Enricher, holder)?
            .process
            .restart()
            .await?;
        site.ready().await?;
    }
    assert!(!site.sessions().await?.contains_key(&visitor.guid));
    Ok(())
}

#[tokio::test]
async fn unusable_answer_is_paid_for_a_few_times_over_kills_of_the_enricher() -> Result<()> {
    few_calls_over_kills(1).await
}

#[tokio::test]
async fn unusable_answer_is_paid_for_a_few_times_by_two_enrichers_together() -> Result<()> {
    few_calls_over_kills(2).await
}

#[tokio::test]
async fn unusable_answer_is_paid_for_a_few_times_by_four_enrichers_together() -> Result<()> {
    few_calls_over_kills(4).await
}

#[tokio::test]
async fn unusable_answers_survive_the_loss_of_the_bucket() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.deanonymizer.fail_ip(&visitor.ip, Failure::BadRequest);
    site.send(&[visitor.opened(0)]);
    let operator = site.nats.client("operator").await?;
    let deferred = async |site: &Pipeline, failures: u64| {
        let answer = operator
            .request("visitor.explain", visitor.ip.clone().into())
            .await?;
        let explanation: serde_json::Value = serde_json::from_slice(&answer.payload)?;
        ensure!(
            explanation["verdict"] == "deferred" && explanation["failures"].as_u64() >= Some(failures),
            "{explanation}, {:?}",
            site.deanonymizer.stats()
        );
        Ok(())
    };
    // The third call is half a minute away.
    within(Duration::from_mins(2), "the fleet has asked twice", async || {
        deferred(&site, 2).await
    })
    .await?;
    site.nats.process.restart().await?;
    site.ready().await?;
    site.send(&[visitor.keep_alive(0)]);
    eventually("the deferral is put back", async || deferred(&site, 2).await).await?;
    let other = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[other.opened(0)]);
    site.shows(&other).await?;
    assert_eq!(site.deanonymizer.calls_for(&visitor.ip).calls, 2);
    Ok(())
}

#[tokio::test]
async fn unusable_answers_delay_no_other_visitor_and_do_not_count_against_the_provider() -> Result<()> {
    let failures = [
        Failure::BadRequest,
        Failure::UnprocessableEntity,
        Failure::MissingFields,
        Failure::WrongTypes,
        Failure::WrongIp,
        Failure::TruncatedJson,
        Failure::Html200,
    ];
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let unusable: Vec<_> = (0..70)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for (visitor, failure) in unusable.iter().zip(failures.iter().cycle()) {
        site.deanonymizer.fail_ip(&visitor.ip, *failure);
    }
    site.send(
        &unusable
            .iter()
            .map(|visitor| visitor.opened(0))
            .collect::<Vec<_>>(),
    );
    eventually("each has had an unusable answer", async || {
        for visitor in &unusable {
            let calls = site.deanonymizer.calls_for(&visitor.ip).calls;
            ensure!(calls > 0, "{}", visitor.ip);
        }
        Ok(())
    })
    .await?;
    let healthy: Vec<_> = (100..200)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in &healthy {
        site.send(&[visitor.opened(0)]);
        for enricher in site.instances(Role::Enricher) {
            let closed = enricher
                .http
                .metric(r#"visitor_enricher_breaker{state="closed"}"#)
                .await?;
            ensure!(closed == 1, "{} has opened its breaker", enricher.process.name());
        }
        site.shows(visitor).await?;
        assert_eq!(site.deanonymizer.calls_for(&visitor.ip).calls, 1);
    }
    for visitor in &unusable {
        let calls = site.deanonymizer.calls_for(&visitor.ip).calls;
        ensure!(calls <= 6, "{calls} calls for {}", visitor.ip);
    }
    Ok(())
}
