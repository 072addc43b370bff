//! The report of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::chaos::fault::{FaultCategory, FaultKind, Target};

/// The faults of a run and their effects.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How long each recovery took, by target and kind of fault.
    pub recoveries: BTreeMap<(&'static str, FaultKind), Vec<Duration>>,
    /// The categories of faults that happened.
    pub categories: BTreeSet<FaultCategory>,
    /// Events sent.
    pub sent: u64,
    /// Raw messages delivered again.
    pub redelivered: u64,
    /// Rejected messages.
    pub rejected: u64,
    /// Events dropped by the ingestors that run at the end.
    pub dropped: u64,
    /// How often the raw stream was lost.
    pub streams_lost: usize,
    /// Rounds after which every view became right.
    pub quiet_points: usize,
    /// How long the views took to become right after each round.
    pub settling: Vec<Duration>,
    /// Snapshots that pages got, one for each time that they moved or fell behind.
    pub snapshots: usize,
    /// Frames that pages missed.
    pub gaps: usize,
    /// Rows that reappeared on a page after their session was closed.
    pub returned: usize,
    /// Calls to the Deanonymizer, and the different addresses asked for.
    pub calls: (u64, usize),
}

impl Report {
    /// A target has recovered.
    pub fn recovered(&mut self, target: Target, kind: FaultKind, after: Duration) {
        self.categories.extend(target.category_of(kind));
        self.recoveries
            .entry((target.label(), kind))
            .or_default()
            .push(after);
    }

    /// The number of faults.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.recoveries.values().map(Vec::len).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| who | what | times | back after, median | longest |")?;
        writeln!(f, "|---|---|---:|---:|---:|")?;
        for ((target, kind), recoveries) in &self.recoveries {
            let mut sorted = recoveries.clone();
            sorted.sort_unstable();
            let seconds = |place: usize| sorted.get(place).copied().unwrap_or_default().as_secs_f64();
            writeln!(
                f,
                "| {target} | {kind} | {} | {:.1} s | {:.1} s |",
                sorted.len(),
                seconds(sorted.len() / 2),
                seconds(sorted.len() - 1)
            )?;
        }
        let settled = self.settling.iter().max().copied().unwrap_or_default();
        writeln!(
            f,
            "\n{} faults, {} events sent, {} messages delivered again, {} rejected, {} given up",
            self.faults(),
            self.sent,
            self.redelivered,
            self.rejected,
            self.dropped
        )?;
        writeln!(
            f,
            "{} quiet points, at each every view right after at most {:.1} s: lost 0, ghosts 0, hidden shown 0, wrong rows 0",
            self.quiet_points,
            settled.as_secs_f64()
        )?;
        writeln!(
            f,
            "pages: {} snapshots, {} gaps, {} rows came back after they were reported as closed",
            self.snapshots, self.gaps, self.returned
        )?;
        write!(
            f,
            "{} calls for {} addresses; the raw stream was lost {} times",
            self.calls.0, self.calls.1, self.streams_lost
        )
    }
}
