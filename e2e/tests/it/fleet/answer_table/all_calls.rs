//! Rows about all calls, not about one answer: nearly all of them fail, or none is sent.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Role, ScriptedProvider};
use e2e::{Visitor, eventually};

use super::row::{Outage, Protocol, Retried, Shown, Told};
use super::rows::ROWS;
use super::{Trial, is_shown_as, site_for, whole_in};

#[tokio::test]
async fn failing_calls_are_told_once_nearly_all_fail() -> Result<()> {
    let trial = Trial::start(ScriptedProvider::start()?, Protocol::Native).await?;
    for (number, row) in ROWS.iter().enumerate() {
        let (Told::OnceNearlyAllFail(outage), Some(reply)) = (row.told, (row.replies)("").pop()) else {
            continue;
        };
        let visitors: Vec<_> = (0..20)
            .map(|visitor| Visitor::from(&format!("11.{number}.{visitor}.1")))
            .collect();
        for visitor in &visitors {
            trial.provider.reply(&visitor.ip, reply.clone());
            trial.site.send(&[visitor.opened(0)]);
        }
        trial.outage_is_told(outage, "").await.context(row.answer)?;
        let is_quota = outage == Outage::RateLimited;
        trial.quota_is_impaired(is_quota).await.context(row.answer)?;
        for visitor in &visitors {
            trial
                .provider
                .reply(&visitor.ip, whole_in(row.protocol, &visitor.ip));
        }
        for visitor in &visitors {
            trial.site.shows(visitor).await?;
            trial.site.send(&[visitor.closed(0)]);
        }
        trial.quota_is_impaired(false).await.context(row.answer)?;
    }
    Ok(())
}

/// Nothing is paid or taken from the budget while no connection is made, and then everybody is identified.
async fn is_not_sent(answer: &str, mut provider: ScriptedProvider) -> Result<()> {
    const VISITORS: u64 = 2;
    let row = ROWS
        .iter()
        .find(|row| row.answer == answer)
        .context("no such row")?;
    ensure!(!row.paid && row.shown == Shown::NotYet && row.retried == Retried::Unsent);
    let site = site_for(&provider, row.protocol)?
        .flag(Role::Enricher, "--lookup-budget", &format!("{VISITORS}/day"))
        .start()
        .await?;
    let mut visitors = Vec::new();
    for number in 0..VISITORS {
        let visitor = Visitor::from(&format!("11.0.0.{number}"));
        provider.reply(&visitor.ip, whole_in(row.protocol, &visitor.ip));
        site.send(&[visitor.opened(0)]);
        visitors.push(visitor);
    }
    let counted = format!(
        r#"visitor_enricher_lookups_failed_total{{kind="{}"}}"#,
        row.counted
    );
    eventually("more calls have failed than the budget holds", async || {
        let counted = site.metric(Role::Enricher, &counted).await?;
        ensure!(counted > VISITORS, "{counted}");
        Ok(())
    })
    .await?;
    let paid = site
        .metric(Role::Enricher, "visitor_enricher_lookups_paid_total")
        .await?;
    ensure!(paid == 0, "{paid} were paid");
    ensure!(site.sessions().await?.is_empty());
    provider.serve()?;
    for visitor in &visitors {
        is_shown_as(&ROWS[0], &site.shows(visitor).await?)?;
    }
    Ok(())
}

#[tokio::test]
async fn refused_connection_is_neither_paid_nor_taken_off_the_budget() -> Result<()> {
    let provider = ScriptedProvider::start_refusing()?;
    is_not_sent("the connection is refused", provider).await
}

#[tokio::test]
async fn unanswered_connection_attempt_is_neither_paid_nor_taken_off_the_budget() -> Result<()> {
    let provider = ScriptedProvider::start_stalled().await?;
    is_not_sent("the attempt to connect is not answered", provider).await
}

#[tokio::test]
async fn unreadable_key_file_costs_no_call_and_is_told() -> Result<()> {
    let provider = ScriptedProvider::start()?;
    let key_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answer-table-key");
    std::fs::write(&key_file, "secret")?;
    let site = site_for(&provider, Protocol::Native)?
        .flag(
            Role::Enricher,
            "--deanonymizer-key-file",
            &key_file.to_string_lossy(),
        )
        .start()
        .await?;
    std::fs::remove_file(&key_file)?;
    let visitor = Visitor::from("11.0.0.1");
    provider.reply(&visitor.ip, whole_in(Protocol::Native, &visitor.ip));
    site.send(&[visitor.opened(0)]);
    let enricher = &site.instance(Role::Enricher, 0)?.http;
    eventually("it is counted and told more than once", async || {
        let counted = r#"visitor_enricher_lookups_failed_total{kind="key-unusable"}"#;
        ensure!(enricher.metric(counted).await? > 1, "not counted");
        let ready = enricher.get("/readyz").await?;
        ensure!(
            ready.status.is_success() && ready.text.contains("--deanonymizer-key-file"),
            "{}",
            ready.text
        );
        Ok(())
    })
    .await?;
    ensure!(site.sessions().await?.is_empty() && provider.calls(&visitor.ip).is_empty());
    std::fs::write(&key_file, "secret")?;
    is_shown_as(&ROWS[0], &site.shows(&visitor).await?)?;
    let paid = enricher.metric("visitor_enricher_lookups_paid_total").await?;
    ensure!(paid == 1, "{paid} paid");
    let ready = enricher.get("/readyz").await?;
    ensure!(!ready.text.contains("impaired"), "{}", ready.text);
    Ok(())
}
