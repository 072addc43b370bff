//! A short `make bench-lookups`: under each fault of the Deanonymizer, all visitors are shown in the end and no known one is lost.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::load::{Condition, LookupTrial, OutageTrial};
use e2e::processes::{Pipeline, Role};

/// As many visitors as it takes to need more calls at once than at the start, with the flags that everybody has.
const TRIAL: LookupTrial = LookupTrial {
    new_per_second: 100,
    known: 100,
    lasting: Duration::from_secs(8),
    // How soon depends on what else the machine does; `make bench-lookups` measures it.
    grace: Duration::from_mins(1),
};

/// By how much the calls per address may exceed the limit if calls fail at random: three standard deviations of the
/// sample.
fn deviation(condition: Condition) -> f64 {
    match condition {
        // A busy machine may delay a few answers beyond the timeout.
        Condition::Healthy | Condition::Late(_) => 0.01,
        Condition::Errors(share)
        | Condition::Resets(share)
        | Condition::Truncated(share)
        | Condition::Hangs(share) => {
            let visitors = TRIAL.new_per_second as f64 * TRIAL.lasting.as_secs_f64();
            3.0 * (share / visitors).sqrt() / (1.0 - share)
        }
    }
}

async fn everybody_is_shown(condition: Condition) -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .alone()
        .start()
        .await?;
    let outcome = TRIAL.run(&site, condition).await?;
    ensure!(outcome.known_missing == 0, "{outcome:?}");
    ensure!(
        outcome.calls_for_known == 0,
        "known visitors are paid for again: {outcome:?}"
    );
    ensure!(
        outcome.never_shown == 0,
        "{} of {} visitors are not shown, with {} calls at once",
        outcome.never_shown,
        outcome.came,
        outcome.max_in_flight
    );
    let most = condition.most_calls_per_ip() + deviation(condition);
    ensure!(
        outcome.calls_per_ip <= most,
        "{} calls per address, at most {most}",
        outcome.calls_per_ip
    );
    ensure!(outcome.max_in_flight <= 512, "{outcome:?}");
    site.view_is_right().await
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
