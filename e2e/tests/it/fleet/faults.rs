//! `make bench-lookups` in short: whatever the Deanonymizer's fault, everybody is shown in the end and nobody known is lost.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::load::{Condition, LookupTrial, OutageTrial};
use e2e::processes::{Pipeline, Role};

/// By how much the calls per address may exceed the bar, because so few visitors are a small sample.
const SAMPLE: f64 = 1.35;

async fn everybody_is_shown(condition: Condition) -> Result<()> {
    // Where every call is answered, none may time out on a busy machine: it would be paid for again.
    let lookup_timeout = match condition {
        Condition::Hangs(_) => "5s",
        _ => "1m",
    };
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--lookup-timeout", lookup_timeout)
        .alone()
        .start()
        .await?;
    let trial = LookupTrial {
        new_per_second: 50,
        known: 100,
        lasting: Duration::from_secs(5),
        grace: Duration::ZERO,
    };
    let outcome = trial.run(&site, condition).await?;
    ensure!(outcome.known_missing == 0, "{outcome:?}");
    site.view_is_right().await?;
    let stats = site.deanonymizer.stats();
    let known = u64::try_from(trial.known)? + 1;
    let calls_per_ip = (stats.calls - known) as f64 / outcome.came as f64;
    let most = condition.most_calls_per_ip() * SAMPLE;
    ensure!(calls_per_ip <= most, "{calls_per_ip} calls per address");
    ensure!(
        stats.successes == known + outcome.came as u64,
        "paid for twice: {stats:?}"
    );
    ensure!(stats.most_in_flight <= 512, "{stats:?}");
    Ok(())
}

macro_rules! every_condition {
    ($($name:ident: $index:literal,)*) => {
        mod everybody_is_shown {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() -> Result<()> {
                    super::everybody_is_shown(Condition::ALL[$index]).await
                }
            )*

            #[test]
            fn under_every_condition() {
                assert_eq!([$($index),*], std::array::from_fn::<_, { Condition::ALL.len() }, _>(|index| index));
            }
        }
    };
}

every_condition! {
    healthy: 0,
    one_500_in_ten: 1,
    one_reset_in_ten: 2,
    one_truncated_answer_in_ten: 3,
    every_other_500: 4,
    two_seconds_late: 5,
    four_seconds_late: 6,
    one_in_ten_never_answered: 7,
}

#[tokio::test]
async fn outage_makes_no_more_work_than_comes_in() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .alone()
        .start()
        .await?;
    let trial = OutageTrial {
        known: 100,
        measured_at: vec![Duration::from_secs(5), Duration::from_secs(15)],
        window: Duration::from_secs(4),
    };
    for rate in trial.run(&site).await? {
        ensure!(rate.ratio() <= 1.5, "{rate:?}");
    }
    site.deanonymizer_refuses(false).await?;
    site.view_is_right().await
}
