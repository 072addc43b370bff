//! An account that the provider refuses or that is exhausted stops the fleet's calls but for one probe, and is named.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::clients::HttpResponse;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::status::{Account, Figures};
use serde_json::Value;
use simulator::deanonymizer::Failure;
use simulator::event::Event;
use simulator::world::Kind;
use tokio::time::Instant;

fn openings(site: &Pipeline, numbers: std::ops::Range<u32>) -> Vec<Event> {
    numbers
        .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)).opened(0))
        .collect()
}

/// Waits until each enricher reports this state of the account on every interface.
async fn every_enricher_says(site: &Pipeline, account: Account, reason: Option<&str>) -> Result<()> {
    let state = match account {
        Account::Ok => "ok",
        Account::Refused => "refused",
        Account::Exhausted => "exhausted",
    };
    let metric = format!("visitor_enricher_account{{state=\"{state}\"}}");
    eventually(&format!("every enricher says {account:?}"), async || {
        for enricher in site.instances(Role::Enricher) {
            let name = enricher.process.name();
            let value = enricher.http.metric(&metric).await?;
            ensure!(value == 1, "{name}: not {state}");
            let answer = HttpResponse::of(enricher.http.request("/readyz")).await?;
            ensure!(
                reason.map_or(answer.status == 200, |reason| {
                    answer.status == 503 && answer.text.contains(reason)
                }),
                "{name}: {} {}",
                answer.status,
                answer.text
            );
            let alive = HttpResponse::of(enricher.http.request("/healthz")).await?;
            ensure!(alive.status == 200, "{name} must not be restarted for it");
        }
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        let accounts = pipeline
            .processes
            .iter()
            .filter_map(|process| match &process.figures {
                Figures::Enricher(enricher) => Some(enricher.account),
                Figures::Ingestor(_) | Figures::Gateway(_) | Figures::Notifier(_) => None,
            });
        let accounts: Vec<_> = accounts.collect();
        ensure!(
            !accounts.is_empty() && accounts.iter().all(|reported| *reported == account),
            "{accounts:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn refused_account_is_probed_once_for_the_whole_fleet_and_known_visitors_go_on() -> Result<()> {
    const RETRY: Duration = Duration::from_secs(4);
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 4)
        .flag(Role::Enricher, "--account-retry", "4s")
        .start()
        .await?;
    let known = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[known.opened(0)]);
    site.shows(&known).await?;
    let before = site.deanonymizer.stats().calls;

    site.deanonymizer.fail_all(Some(Failure::Unauthorized));
    let begun = Instant::now();
    // The first refusal beside an answer may be one of the address only.
    site.send(&openings(&site, 0..2));
    let reason = "The Deanonymizer refused";
    every_enricher_says(&site, Account::Refused, Some(reason)).await?;
    site.send(&openings(&site, 2..60));
    site.add(Role::Enricher)?;
    let mut killed = 0;
    eventually("it has been probed a few times", async || {
        // Read before the time, so that a call that is seen was not made later.
        let calls = site.deanonymizer.stats().calls - before;
        let elapsed = begun.elapsed() + Duration::from_millis(500);
        let allowed = 2 + elapsed.as_millis() / RETRY.as_millis();
        assert!(u128::from(calls) <= allowed, "{calls} calls in {elapsed:?}");
        ensure!(calls >= 5, "{calls} calls");
        Ok(())
    })
    .await?;
    for _ in 0..2 {
        site.instance_mut(Role::Enricher, killed)?
            .process
            .restart()
            .await?;
        killed += 1;
    }
    every_enricher_says(&site, Account::Refused, Some(reason)).await?;

    site.serves_known(&known).await?;
    let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
    assert_eq!(pipeline.interruptions, [], "nothing is cut off");
    let calls = site.deanonymizer.stats().calls - before;
    let elapsed = begun.elapsed() + Duration::from_millis(500);
    assert!(
        u128::from(calls) <= 2 + elapsed.as_millis() / RETRY.as_millis(),
        "{calls} calls in {elapsed:?}"
    );

    site.deanonymizer.fail_all(None);
    every_enricher_says(&site, Account::Ok, None).await?;
    site.view_is_right().await?;
    let stats = site.deanonymizer.stats();
    assert_eq!(stats.calls, stats.successes + stats.by_status[&401], "{stats:?}");
    Ok(())
}

#[tokio::test]
async fn refused_calls_count_neither_as_paid_nor_against_the_budget() -> Result<()> {
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--lookup-budget", "5/day")
        .start()
        .await?;
    site.deanonymizer.fail_all(Some(Failure::Forbidden));
    site.send(&openings(&site, 0..5));
    eventually("more calls are refused than the budget has", async || {
        let calls = site.deanonymizer.stats().calls;
        ensure!(calls > 5, "{calls} calls");
        Ok(())
    })
    .await?;
    site.deanonymizer.fail_all(None);
    site.view_is_right().await?;
    assert_eq!(site.sessions().await?.len(), 5);
    eventually("five calls are paid", async || {
        let bill = site.instance(Role::Gateway, 0)?.http.pipeline().await?.lookups;
        ensure!(bill.paid == 5, "{bill:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn account_is_known_after_the_bucket_was_lost() -> Result<()> {
    let mut site = Pipeline::builder()
        .flag(Role::Enricher, "--account-retry", "1h")
        .start()
        .await?;
    site.deanonymizer.fail_all(Some(Failure::Unauthorized));
    site.send(&openings(&site, 0..1));
    every_enricher_says(&site, Account::Refused, Some("refused")).await?;
    site.nats.process.restart().await?;
    eventually("the bucket says it again", async || {
        let operator = site.operator().await?;
        let stream = operator.get_stream("KV_visitor_profiles").await?;
        let entry = stream
            .direct_get_last_for_subject("$KV.visitor_profiles.account")
            .await?;
        let entry: Value = serde_json::from_slice(&entry.payload)?;
        ensure!(entry["state"] == "refused", "{entry}");
        Ok(())
    })
    .await?;
    site.send(&openings(&site, 1..5));
    every_enricher_says(&site, Account::Refused, Some("refused")).await?;
    assert_eq!(site.deanonymizer.stats().calls, 1);
    Ok(())
}

/// Opens visits until each enricher has had an answer. Returns the visitors.
async fn answers_for_each_enricher(site: &Pipeline) -> Result<Vec<Visitor>> {
    let mut visitors = Vec::new();
    eventually("each enricher has had an answer", async || {
        let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1_000 + u32::try_from(visitors.len())?));
        site.send(&[visitor.opened(0)]);
        site.shows(&visitor).await?;
        visitors.push(visitor);
        for enricher in site.instances(Role::Enricher) {
            let paid = enricher
                .http
                .metric("visitor_enricher_lookups_paid_total")
                .await?;
            ensure!(paid > 0, "{} has had none", enricher.process.name());
        }
        Ok(())
    })
    .await?;
    Ok(visitors)
}

#[tokio::test]
async fn refusal_of_one_address_delays_nobody_else_and_is_not_paid() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        // While the account counts as refused, the test would fail.
        .flag(Role::Enricher, "--account-retry", "1h")
        .start()
        .await?;
    let known = answers_for_each_enricher(&site).await?.len();
    let refused = Visitor::from(&site.ip(Kind::CompanyOnly, 0));
    site.deanonymizer.fail_ip(&refused.ip, Failure::Forbidden);
    site.send(&[refused.opened(0)]);
    for number in 1..31 {
        let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, number));
        site.send(&[visitor.opened(0)]);
        site.shows(&visitor).await?;
    }
    eventually("the refused address is asked about again", async || {
        let calls = site.deanonymizer.calls_for(&refused.ip).calls;
        ensure!(calls >= 2, "{calls} calls");
        Ok(())
    })
    .await?;
    every_enricher_says(&site, Account::Ok, None).await?;
    assert!(!site.sessions().await?.contains_key(&refused.guid));
    let paid = site
        .metric(Role::Enricher, "visitor_enricher_lookups_paid_total")
        .await?;
    assert_eq!(paid, u64::try_from(known)? + 30);
    Ok(())
}

#[tokio::test]
async fn probe_is_made_with_another_address_than_the_refused_one() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--account-retry", "4s")
        .start()
        .await?;
    // Without an answer before, the first refusal counts for the account.
    let refused = Visitor::from(&site.ip(Kind::CompanyOnly, 0));
    site.deanonymizer.fail_ip(&refused.ip, Failure::Forbidden);
    site.send(&[refused.opened(0)]);
    every_enricher_says(&site, Account::Refused, Some("refused")).await?;
    let others: Vec<_> = (1..21)
        .map(|number| Visitor::from(&site.ip(Kind::CompanyOnly, number)))
        .collect();
    for visitor in &others {
        site.send(&[visitor.opened(0)]);
    }
    for visitor in &others {
        site.shows(visitor).await?;
    }
    let calls = site.deanonymizer.calls_for(&refused.ip).calls;
    assert!(calls <= 2, "it was asked about {calls} times before the others");
    every_enricher_says(&site, Account::Ok, None).await?;
    site.deanonymizer.heal_ip(&refused.ip);
    site.shows(&refused).await?;
    Ok(())
}
