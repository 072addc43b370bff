//! Counts events by outcome, and verdicts by source.
//!
//! Counters are in arrays, so that the hot path does not search a metric family.

use protocol::EventKind;
use service::metrics::{Counter, Family, Labels, Metrics};

use crate::verdict::Verdict;

/// The outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
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
    /// It could not be handled yet, usually because there is no verdict. Its message comes again.
    Postponed,
}

impl Fate {
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
pub enum Level {
    /// This enricher's copy of the shared bucket.
    Cache,
    /// The shared bucket.
    Fleet,
    /// A call.
    Call,
}

impl Level {
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

const fn place(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Shown(_) => 0,
        Verdict::Unknown => 1,
        Verdict::Hidden => 2,
    }
}

/// Events by kind and outcome.
#[derive(Debug)]
pub struct Fates([[Counter; Fate::ALL.len()]; EventKind::ALL.len()]);

impl Fates {
    /// Registers all counters at zero.
    pub fn new(metrics: &Metrics) -> Self {
        let family: Family<Labels, Counter> = metrics.add(
            "event_fates",
            "What events came to, repetitions included",
            Family::default(),
        );
        Self(EventKind::ALL.map(|kind| {
            Fate::ALL
                .map(|fate| family.get_or_create_owned(&[("kind", kind.token()), ("fate", fate.token())]))
        }))
    }

    /// Counts an event.
    pub fn count(&self, kind: EventKind, fate: Fate) {
        self.0[kind as usize][fate as usize].inc();
    }
}

/// Verdicts by source.
#[derive(Debug)]
pub struct Verdicts([[Counter; VERDICTS.len()]; Level::ALL.len()]);

impl Verdicts {
    /// Registers all counters at zero.
    pub fn new(metrics: &Metrics) -> Self {
        let family: Family<Labels, Counter> = metrics.add(
            "verdicts",
            "Verdicts found, by where they came from",
            Family::default(),
        );
        Self(Level::ALL.map(|level| {
            VERDICTS
                .map(|verdict| family.get_or_create_owned(&[("level", level.token()), ("verdict", verdict)]))
        }))
    }

    /// Counts a verdict.
    pub fn found(&self, level: Level, verdict: &Verdict) {
        self.0[level as usize][place(verdict)].inc();
    }

    /// The number of such verdicts from that source.
    pub fn count(&self, level: Level, verdict: &Verdict) -> u64 {
        self.0[level as usize][place(verdict)].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Profile;

    #[test]
    fn every_series_is_there_from_the_start_and_counts_for_itself() {
        let metrics = Metrics::new("enricher");
        let (fates, verdicts) = (Fates::new(&metrics), Verdicts::new(&metrics));
        fates.count(EventKind::KeepAlive, Fate::Activity);
        verdicts.found(Level::Call, &Verdict::Shown(Profile::default()));
        let text = metrics.text().unwrap();
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
        assert_eq!(verdicts.count(Level::Call, &Verdict::Hidden), 0);
    }

    #[test]
    fn each_has_the_place_of_its_label() {
        assert!(
            Fate::ALL
                .into_iter()
                .enumerate()
                .all(|(place, fate)| fate as usize == place)
        );
        assert!(
            Level::ALL
                .into_iter()
                .enumerate()
                .all(|(place, level)| level as usize == place)
        );
        assert_eq!(VERDICTS[place(&Verdict::Hidden)], "hidden");
        assert_eq!(VERDICTS[place(&Verdict::Unknown)], "unknown");
    }
}
