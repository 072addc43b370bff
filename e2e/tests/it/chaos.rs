//! Short runs of `make chaos`, always the same.

use std::time::Duration;

use anyhow::Result;
use e2e::chaos::{Kind, Pace, Report, Settings, run};

/// Few events, so that the machine's speed does not matter, and many faults. The seed is one of which the faults are of
/// all these kinds.
async fn short_run(seed: u64, kinds: &[Kind], cluster: bool) -> Result<Report> {
    let settings = Settings {
        seed,
        rounds: 1,
        rate: 200,
        cluster,
        pace: Pace {
            every: Duration::from_secs(2),
            round: Duration::from_secs(24),
        },
        kinds: kinds.to_vec(),
    };
    let report = Box::pin(run(settings)).await?;
    println!("{report}");
    assert_eq!(report.kinds, kinds.iter().copied().collect(), "{report}");
    Ok(report)
}

#[tokio::test]
async fn random_faults_lose_nothing() -> Result<()> {
    let kinds = [Kind::Processes, Kind::ThirdParties, Kind::Clocks, Kind::Streams];
    let report = short_run(889, &kinds, false).await?;
    assert!(report.strikes() >= 10, "{report}");
    assert!(report.sent > 0 && report.rejected > 0, "{report}");
    assert_eq!((report.dropped, report.gaps), (0, 0), "{report}");
    Ok(())
}

#[tokio::test]
async fn random_faults_lose_no_stream_of_a_cluster() -> Result<()> {
    let kinds = [Kind::Processes, Kind::ThirdParties, Kind::Cuts];
    let report = short_run(3481, &kinds, true).await?;
    assert!(report.strikes() >= 10, "{report}");
    assert_eq!(report.streams_lost, 0, "{report}");
    Ok(())
}

#[tokio::test]
async fn cluster_restart_long_freezes_and_new_hidden_companies_lose_and_expose_nothing() -> Result<()> {
    let kinds = [Kind::ClusterRestarts, Kind::LongFreezes, Kind::HiddenCompanies];
    short_run(3262, &kinds, true).await?;
    Ok(())
}
