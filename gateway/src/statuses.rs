//! How the processes are, as far as they have said so lately. Pure.

use std::collections::BTreeMap;

use protocol::Millis;
use protocol::status::{Figures, Lookups, Pipeline, Status};

/// After how long without a word a process counts as gone, in ms.
const GONE_AFTER: Millis = 5_000;

/// After how long without a word an enricher will not come back with the same figures, in ms.
const BILLED_AFTER: Millis = 3_600_000;

/// The last word of each process, and when it came.
#[derive(Debug, Default)]
pub struct Statuses {
    by_process: BTreeMap<(&'static str, String), (Status, Millis)>,
    /// What each enricher has said of its lookups, and when: money that is spent stays spent.
    lookups: BTreeMap<String, (Lookups, Millis)>,
    /// The sum over those that are gone for good.
    billed: Lookups,
}

impl Statuses {
    /// A process said how it is. Its own clock may be wrong, so `now` is ours.
    pub fn heard(&mut self, status: Status, now: Millis) {
        if let Figures::Enricher(enricher) = &status.figures {
            self.lookups
                .insert(status.instance.clone(), (enricher.lookups, now));
        }
        self.by_process
            .insert((status.figures.process(), status.instance.clone()), (status, now));
    }

    /// Forgets those that have said nothing for too long.
    pub fn forget_gone(&mut self, now: Millis) {
        self.by_process
            .retain(|_, (_, heard_at)| now - *heard_at <= GONE_AFTER);
        for (_, (lookups, _)) in self
            .lookups
            .extract_if(.., |_, (_, heard_at)| now - *heard_at > BILLED_AFTER)
        {
            self.billed = self.billed.plus(lookups);
        }
    }

    /// Sessions that wait for a verdict, over all enrichers.
    pub fn being_identified(&self) -> u64 {
        let figures = self.by_process.values().map(|(status, _)| &status.figures);
        figures
            .filter_map(|figures| match figures {
                Figures::Enricher(enricher) => Some(enricher.being_identified),
                Figures::Ingestor(_) | Figures::Gateway(_) => None,
            })
            .fold(0, u64::saturating_add)
    }

    /// All of them.
    pub fn pipeline(&self) -> Pipeline {
        Pipeline {
            processes: self
                .by_process
                .values()
                .map(|(status, _)| status.clone())
                .collect(),
            lookups: self
                .lookups
                .values()
                .fold(self.billed, |sum, (lookups, _)| sum.plus(*lookups)),
            interruptions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::status::{EnricherFigures, GatewayFigures};

    fn status(figures: Figures, instance: &str) -> Status {
        Status {
            figures,
            instance: instance.into(),
            at: 0,
            started_at: 0,
            clock_offset_seconds: None,
            ready: true,
            reason: None,
        }
    }

    fn enricher(being_identified: u64) -> Figures {
        let lookups = Lookups {
            paid: 10 * being_identified,
            ..Lookups::default()
        };
        Figures::Enricher(EnricherFigures {
            being_identified,
            lookups,
            ..EnricherFigures::default()
        })
    }

    #[test]
    fn sums_over_the_enrichers_that_are_there() {
        let mut statuses = Statuses::default();
        statuses.heard(status(enricher(1), "a"), 0);
        statuses.heard(status(enricher(2), "b"), 3_000);
        statuses.heard(status(enricher(4), "b"), 4_000);
        statuses.heard(status(Figures::Gateway(GatewayFigures::default()), "a"), 4_000);
        assert_eq!(statuses.being_identified(), 5);
        assert_eq!(statuses.pipeline().processes.len(), 3);
        statuses.forget_gone(5_001);
        assert_eq!(statuses.being_identified(), 4);
        assert_eq!(statuses.pipeline().lookups.paid, 50, "what is spent stays spent");
        assert_eq!(statuses.pipeline().processes.len(), 2);
        statuses.forget_gone(4_001 + BILLED_AFTER);
        assert!(statuses.lookups.is_empty(), "restarts do not add up");
        assert_eq!(statuses.pipeline().lookups.paid, 50);
    }
}
