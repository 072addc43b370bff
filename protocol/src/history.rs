//! The figures of the last hour, which the gateway keeps for the charts of its page.

use serde::{Deserialize, Serialize};

use crate::frame::Stats;
use crate::time::Timestamp;

/// The answer of `/api/history`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Seconds between two points. Where more lie between them, the figures were not known.
    pub interval_seconds: u64,
    /// The oldest first.
    pub points: Vec<HistoryPoint>,
}

/// The figures at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPoint {
    /// The time.
    pub at: Timestamp,
    /// The figures then, which were known to be right.
    #[serde(flatten)]
    pub stats: Stats,
    /// Sessions that appeared per second since the point before.
    pub arrivals_per_second: f64,
    /// Sessions that left per second since the point before.
    pub departures_per_second: f64,
}
