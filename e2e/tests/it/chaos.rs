//! Short runs of `make chaos` with fixed seeds.

use std::time::Duration;

use anyhow::Result;
use e2e::chaos::{FaultCategory, Pace, Report, Settings, run};

/// Few events, so that the machine's speed does not matter, and many faults. The seed is one of which the faults are of
/// all these categories.
async fn short_run(seed: u64, categories: &[FaultCategory], cluster: bool) -> Result<Report> {
    let settings = Settings {
        seed,
        rounds: 1,
        rate: 200,
        cluster,
        pace: Pace {
            every: Duration::from_secs(2),
            round: Duration::from_secs(24),
        },
        categories: categories.to_vec(),
    };
    let report = Box::pin(run(settings)).await?;
    println!("{report}");
    assert_eq!(
        report.categories,
        categories.iter().copied().collect(),
        "{report}"
    );
    Ok(report)
}

#[tokio::test]
async fn random_faults_lose_nothing() -> Result<()> {
    let categories = [
        FaultCategory::Processes,
        FaultCategory::ThirdParties,
        FaultCategory::Clocks,
        FaultCategory::Streams,
    ];
    let report = short_run(889, &categories, false).await?;
    assert!(report.faults() >= 10, "{report}");
    assert!(report.sent > 0 && report.rejected > 0, "{report}");
    assert_eq!((report.dropped, report.gaps), (0, 0), "{report}");
    Ok(())
}

#[tokio::test]
async fn random_faults_lose_no_stream_of_a_cluster() -> Result<()> {
    let categories = [
        FaultCategory::Processes,
        FaultCategory::ThirdParties,
        FaultCategory::Cuts,
    ];
    let report = short_run(3481, &categories, true).await?;
    assert!(report.faults() >= 10, "{report}");
    assert_eq!(report.streams_lost, 0, "{report}");
    Ok(())
}

#[tokio::test]
async fn cluster_restart_long_freezes_and_new_hidden_companies_lose_and_expose_nothing() -> Result<()> {
    let categories = [
        FaultCategory::ClusterRestarts,
        FaultCategory::LongFreezes,
        FaultCategory::HiddenCompanies,
    ];
    short_run(3262, &categories, true).await?;
    Ok(())
}
