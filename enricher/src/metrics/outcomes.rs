//! Counts events by outcome, and verdicts by source.
//!
//! Counters are in arrays, so that the hot path does not search a metric family.

use protocol::EventKind;
use service::metrics::{Counter, Family, Labels, Metrics as Registry};

use crate::verdict::Verdict;

/// The outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// A record was written because of it.
    Record,
    /// It was published as activity.
    Activity,
    /// It wrote or renewed its session's tombstone.
    Tombstone,
    /// Its session is never shown.
    Hidden,
    /// It adds nothing.
    Ignored,
    /// It was merged into another event of its session that waits for a verdict.
    Folded,
    /// It could not be handled yet, usually because there is no verdict. Its message is redelivered.
    Postponed,
}

impl EventOutcome {
    const ALL: [Self; 7] = [
        Self::Record,
        Self::Activity,
        Self::Tombstone,
        Self::Hidden,
        Self::Ignored,
        Self::Folded,
        Self::Postponed,
    ];

    const fn token(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Activity => "activity",
            Self::Tombstone => "tombstone",
            Self::Hidden => "hidden",
            Self::Ignored => "ignored",
            Self::Folded => "folded",
            Self::Postponed => "postponed",
        }
    }
}

/// Where a verdict came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictSource {
    /// This enricher's copy of the shared bucket.
    Cache,
    /// The shared bucket.
    Fleet,
    /// A call.
    Call,
}

impl VerdictSource {
    const ALL: [Self; 3] = [Self::Cache, Self::Fleet, Self::Call];

    const fn token(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Fleet => "fleet",
            Self::Call => "call",
        }
    }
}

/// The verdicts as labels, by [`index`].
const VERDICTS: [&str; 3] = ["shown", "unknown", "hidden"];

const fn index(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Shown(_) => 0,
        Verdict::Unknown => 1,
        Verdict::Hidden => 2,
    }
}

/// Events by kind and outcome.
#[derive(Debug)]
pub struct EventOutcomes([[Counter; EventOutcome::ALL.len()]; EventKind::ALL.len()]);

impl EventOutcomes {
    /// Registers all counters at zero.
    pub fn new(metrics: &Registry) -> Self {
        let family: Family<Labels, Counter> = metrics.add(
            "event_fates",
            "Events by outcome, including repetitions",
            Family::default(),
        );
        Self(EventKind::ALL.map(|kind| {
            EventOutcome::ALL.map(|outcome| {
                family.get_or_create_owned(&[("kind", kind.token()), ("fate", outcome.token())])
            })
        }))
    }

    /// Counts an event.
    pub fn count(&self, kind: EventKind, outcome: EventOutcome) {
        self.0[kind as usize][outcome as usize].inc();
    }
}

/// Verdicts by source.
#[derive(Debug)]
pub struct VerdictCounts([[Counter; VERDICTS.len()]; VerdictSource::ALL.len()]);

impl VerdictCounts {
    /// Registers all counters at zero.
    pub fn new(metrics: &Registry) -> Self {
        let family: Family<Labels, Counter> =
            metrics.add("verdicts", "Verdicts found, by source", Family::default());
        Self(VerdictSource::ALL.map(|source| {
            VERDICTS
                .map(|verdict| family.get_or_create_owned(&[("level", source.token()), ("verdict", verdict)]))
        }))
    }

    /// Counts a verdict.
    pub fn found(&self, source: VerdictSource, verdict: &Verdict) {
        self.0[source as usize][index(verdict)].inc();
    }

    /// The number of such verdicts from that source.
    pub fn count(&self, source: VerdictSource, verdict: &Verdict) -> u64 {
        self.0[source as usize][index(verdict)].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Profile;

    #[test]
    fn every_series_exists_from_the_start_and_counts_separately() {
        let metrics = Registry::new("enricher");
        let (outcomes, verdicts) = (EventOutcomes::new(&metrics), VerdictCounts::new(&metrics));
        outcomes.count(EventKind::KeepAlive, EventOutcome::Activity);
        verdicts.found(VerdictSource::Call, &Verdict::Shown(Profile::default()));
        let text = metrics.text(service::metrics::Format::OpenMetrics).unwrap();
        let value = |series: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(series))
                .map(str::trim)
        };
        let prefix = "visitor_enricher_";
        for (series, count) in [
            (r#"event_fates_total{kind="keep-alive",fate="activity"}"#, "1"),
            (r#"event_fates_total{kind="session-opened",fate="activity"}"#, "0"),
            (r#"verdicts_total{level="call",verdict="shown"}"#, "1"),
            (r#"verdicts_total{level="cache",verdict="shown"}"#, "0"),
        ] {
            assert_eq!(value(&format!("{prefix}{series}")), Some(count), "{series}");
        }
        assert_eq!(verdicts.count(VerdictSource::Call, &Verdict::Hidden), 0);
    }

    #[test]
    fn indices_match_labels() {
        assert!(
            EventOutcome::ALL
                .into_iter()
                .enumerate()
                .all(|(index, outcome)| outcome as usize == index)
        );
        assert!(
            VerdictSource::ALL
                .into_iter()
                .enumerate()
                .all(|(index, source)| source as usize == index)
        );
        assert_eq!(VERDICTS[index(&Verdict::Hidden)], "hidden");
        assert_eq!(VERDICTS[index(&Verdict::Unknown)], "unknown");
    }
}
