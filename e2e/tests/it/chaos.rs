//! A short run of `make chaos`, always the same.

use std::time::Duration;

use anyhow::Result;
use e2e::chaos::{Kind, Pace, Settings, run};

/// Few events, so that the machine's speed does not matter, and many faults.
fn short() -> Settings {
    Settings {
        seed: 7,
        rounds: 1,
        rate: 200,
        cluster: false,
        pace: Pace {
            every: Duration::from_secs(2),
            round: Duration::from_secs(24),
        },
        kinds: vec![Kind::Processes, Kind::ThirdParties],
    }
}

#[tokio::test]
async fn everybody_is_struck_and_nothing_is_lost() -> Result<()> {
    let report = Box::pin(run(short())).await?;
    println!("{report}");
    assert!(report.strikes() >= 10, "{report}");
    assert!(report.sent > 0 && report.rejected > 0, "{report}");
    assert_eq!((report.dropped, report.gaps), (0, 0), "{report}");
    Ok(())
}

#[tokio::test]
async fn a_cluster_loses_not_even_its_streams() -> Result<()> {
    let report = Box::pin(run(Settings {
        cluster: true,
        ..short()
    }))
    .await?;
    println!("{report}");
    assert!(report.strikes() >= 10, "{report}");
    assert_eq!(report.streams_lost, 0, "{report}");
    Ok(())
}
