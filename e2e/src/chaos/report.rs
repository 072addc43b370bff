//! What a run comes to, for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::chaos::fault::{FaultCategory, FaultKind, Target};

/// What was done, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How long each recovery took, by who was struck and how.
    pub recoveries: BTreeMap<(&'static str, FaultKind), Vec<Duration>>,
    /// The categories of faults that happened.
    pub categories: BTreeSet<FaultCategory>,
    /// Events sent.
    pub sent: u64,
    /// Raw messages delivered again.
    pub redelivered: u64,
    /// Messages told to be rejected.
    pub rejected: u64,
    /// Events given up by the ingestors that run in the end.
    pub dropped: u64,
    /// How often the raw stream was lost.
    pub streams_lost: usize,
    /// Quiet points at which every view was right.
    pub quiet_points: usize,
    /// How long the views took to be right, at each of them.
    pub settling: Vec<Duration>,
    /// Snapshots that pages got, one for each time that they moved or fell behind.
    pub snapshots: usize,
    /// Frames that pages missed.
    pub gaps: usize,
    /// Rows that pages saw again after they were told closed.
    pub returned: usize,
    /// Calls to the Deanonymizer, and the different addresses asked for.
    pub calls: (u64, usize),
}

impl Report {
    /// A victim is back.
    pub fn recovered(&mut self, victim: Target, harm: FaultKind, after: Duration) {
        self.categories.extend(victim.kind_of(harm));
        self.recoveries
            .entry((victim.kind(), harm))
            .or_default()
            .push(after);
    }

    /// How many faults there were.
    #[must_use]
    pub fn strikes(&self) -> usize {
        self.recoveries.values().map(Vec::len).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| who | what | times | back after, median | longest |")?;
        writeln!(f, "|---|---|---:|---:|---:|")?;
        for ((victim, harm), recoveries) in &self.recoveries {
            let mut sorted = recoveries.clone();
            sorted.sort_unstable();
            let seconds = |place: usize| sorted.get(place).copied().unwrap_or_default().as_secs_f64();
            writeln!(
                f,
                "| {victim} | {harm} | {} | {:.1} s | {:.1} s |",
                sorted.len(),
                seconds(sorted.len() / 2),
                seconds(sorted.len() - 1)
            )?;
        }
        let settled = self.settling.iter().max().copied().unwrap_or_default();
        writeln!(
            f,
            "\n{} faults, {} events sent, {} messages delivered again, {} rejected, {} given up",
            self.strikes(),
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
            "pages: {} snapshots, {} gaps, {} rows came back after they were told closed",
            self.snapshots, self.gaps, self.returned
        )?;
        write!(
            f,
            "{} calls for {} addresses; the raw stream was lost {} times",
            self.calls.0, self.calls.1, self.streams_lost
        )
    }
}
