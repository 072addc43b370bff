//! The latest statuses of the processes, and what follows from them. Pure.

use std::collections::BTreeMap;

use protocol::status::{Figures, Lookups, Missing, Pipeline, Status};
use protocol::{Guid, Millis, Timestamp};

use crate::pipeline::fleet_meter::FleetMeter;
use crate::pipeline::roster::Roster;
use crate::pipeline::waiting_sessions::WaitingSessions;

/// How long after its last status a process counts as gone, in ms.
const GONE_AFTER: Millis = 5_000;

/// How long after its last status an enricher is assumed to be gone for good, in ms.
const BILLED_AFTER: Millis = 3_600_000;

/// Maximum number of processes of a kind. Beyond it, the one with the oldest status is dropped.
const MAX_INSTANCES: usize = 128;

/// The last status of each process, and when it arrived.
#[derive(Debug, Default)]
pub struct Statuses {
    by_process: BTreeMap<(&'static str, String), (Status, Millis)>,
    waiting: WaitingSessions,
    /// The lookups that each enricher has reported, and when. They stay in the sum after the enricher is gone, because they
    /// are paid for.
    lookups: BTreeMap<String, (Lookups, Millis)>,
    /// The lookups of enrichers that will not return.
    billed: Lookups,
    /// What the fleet reports as spent. Enrichers of older releases report only their own lookups.
    fleet: FleetMeter,
    roster: Roster,
}

impl Statuses {
    /// Applies a status. `now` is our time, because the process's clock may be wrong. Those of notifiers are ignored, because
    /// the page does not depend on them.
    pub fn received(&mut self, mut status: Status, now: Millis) {
        if matches!(status.figures, Figures::Notifier(_)) {
            return;
        }
        if let Figures::Enricher(enricher) = &mut status.figures {
            if let Some(sample) = enricher.unidentified.take() {
                self.waiting.received(&status.instance, sample, now);
            }
            self.lookups
                .insert(status.instance.clone(), (enricher.lookups, now));
            if self.lookups.len() > MAX_INSTANCES
                && let Some((lookups, _)) = remove_oldest(&mut self.lookups, |_| true)
            {
                self.billed = self.billed.plus(lookups);
            }
        }
        let process = status.figures.process();
        self.by_process
            .insert((process, status.instance.clone()), (status, now));
        let of_this_kind = self.by_process.keys().filter(|(kind, _)| *kind == process);
        if of_this_kind.count() > MAX_INSTANCES {
            remove_oldest(&mut self.by_process, |(kind, _)| *kind == process);
        }
        self.read_meter();
    }

    /// A status has arrived from NATS. `is_own` says whether it is this gateway's.
    pub fn heard(&mut self, status: &Status, is_own: bool, now: Millis) {
        self.roster.heard(status, is_own, now);
    }

    /// The processes that have vanished without reporting that they stop.
    pub fn missing(&self) -> Vec<Missing> {
        self.roster.missing()
    }

    /// The record or tombstone of a session has arrived, so the session no longer waits for a verdict.
    pub fn settled(&mut self, guid: &Guid, now: Millis) {
        self.waiting.settled(guid, now);
    }

    /// Removes processes whose last status is too old.
    pub fn forget_gone(&mut self, now: Millis) {
        self.by_process
            .retain(|_, (_, received_at)| now - *received_at <= GONE_AFTER);
        self.waiting.forget(now);
        self.roster.update(now);
        for (_, (lookups, _)) in self
            .lookups
            .extract_if(.., |_, (_, received_at)| now - *received_at > BILLED_AFTER)
        {
            self.billed = self.billed.plus(lookups);
        }
        self.read_meter();
    }

    fn read_meter(&mut self) {
        let reports = self
            .by_process
            .values()
            .filter_map(|(status, _)| match &status.figures {
                Figures::Enricher(enricher) => enricher.fleet,
                Figures::Ingestor(_) | Figures::Gateway(_) | Figures::Notifier(_) => None,
            });
        self.fleet.update(reports);
    }

    /// What the fleet's lookups have cost and saved, and since when, if known.
    pub fn lookups(&self) -> (Lookups, Option<Timestamp>) {
        if let Some(total) = self.fleet.total() {
            return (total.lookups, Some(total.since));
        }
        let each = self.lookups.values().map(|(lookups, _)| *lookups);
        (each.fold(self.billed, Lookups::plus), None)
    }

    /// The number of sessions that wait for a verdict. A session that several enrichers hold counts once.
    pub fn being_identified(&self) -> u64 {
        self.waiting.count()
    }

    /// The state of the pipeline, as clients get it.
    pub fn pipeline(&self) -> Pipeline {
        let (lookups, lookups_since) = self.lookups();
        Pipeline {
            processes: self
                .by_process
                .values()
                .map(|(status, _)| for_clients(status))
                .collect(),
            lookups,
            lookups_since,
            currency: None,
            interruptions: Vec::new(),
            missing: self.missing(),
        }
    }
}

/// The status without the fields that only this gateway needs.
fn for_clients(status: &Status) -> Status {
    let mut status = status.clone();
    status.stopping = None;
    if let Figures::Enricher(enricher) = &mut status.figures {
        enricher.fleet = None;
    }
    status
}

/// Removes and returns the entry with the oldest status.
fn remove_oldest<K: Ord + Clone, T>(
    statuses: &mut BTreeMap<K, (T, Millis)>,
    may_go: impl Fn(&K) -> bool,
) -> Option<(T, Millis)> {
    let candidates = statuses.iter().filter(|(key, _)| may_go(key));
    let oldest = candidates
        .min_by_key(|(_, (_, received_at))| *received_at)?
        .0
        .clone();
    statuses.remove(&oldest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::sample::Sample;
    use protocol::status::{EnricherFigures, FleetLookups, GatewayFigures};
    use protocol::time::unix_ms;

    fn status(figures: Figures, instance: &str) -> Status {
        Status {
            figures,
            instance: instance.into(),
            at: unix_ms(0),
            started_at: unix_ms(0),
            clock_offset_seconds: None,
            ready: true,
            reason: None,
            stopping: None,
        }
    }

    fn enricher(being_identified: u64) -> Figures {
        let lookups = Lookups {
            paid: 10 * being_identified,
            ..Lookups::default()
        };
        let waiting = (0..being_identified).map(|n| (1 << being_identified) + n);
        Figures::Enricher(EnricherFigures {
            being_identified,
            unidentified: Some(Sample::of(waiting)),
            lookups,
            ..EnricherFigures::default()
        })
    }

    #[test]
    fn sums_over_the_enrichers_that_are_there() {
        let mut statuses = Statuses::default();
        statuses.received(status(enricher(1), "a"), 0);
        statuses.received(status(enricher(2), "b"), 3_000);
        statuses.received(status(enricher(4), "b"), 4_000);
        statuses.received(status(Figures::Gateway(GatewayFigures::default()), "a"), 4_000);
        assert_eq!(statuses.being_identified(), 5);
        assert_eq!(statuses.pipeline().processes.len(), 3);
        statuses.forget_gone(5_001);
        assert_eq!(statuses.being_identified(), 5, "another takes over after 6 s");
        assert_eq!(statuses.pipeline().lookups.paid, 50, "what is spent stays spent");
        assert_eq!(statuses.pipeline().processes.len(), 2);
        statuses.forget_gone(8_001);
        assert_eq!(statuses.being_identified(), 4);
        statuses.forget_gone(4_001 + BILLED_AFTER);
        assert!(statuses.lookups.is_empty(), "restarts do not add up");
        assert_eq!(statuses.pipeline().lookups.paid, 50);
    }

    #[test]
    fn the_fleets_own_meter_is_shown_once_for_all() {
        let mut statuses = Statuses::default();
        let mut figures = EnricherFigures {
            lookups: Lookups {
                paid: 3,
                ..Lookups::default()
            },
            ..EnricherFigures::default()
        };
        statuses.received(status(Figures::Enricher(figures.clone()), "old"), 0);
        assert_eq!(statuses.pipeline().lookups_since, None, "an older enricher");
        figures.fleet = Some(FleetLookups {
            since: unix_ms(7),
            lookups: Lookups {
                paid: 20,
                ..Lookups::default()
            },
        });
        for instance in ["a", "b"] {
            statuses.received(status(Figures::Enricher(figures.clone()), instance), 0);
        }
        let pipeline = statuses.pipeline();
        assert_eq!(
            (pipeline.lookups.paid, pipeline.lookups_since),
            (20, Some(unix_ms(7)))
        );
        statuses.forget_gone(BILLED_AFTER);
        assert_eq!(statuses.pipeline().lookups.paid, 20, "with no enricher left");
        let json = serde_json::to_string(&pipeline).unwrap();
        assert!(
            json.contains("\"lookupsSince\":7") && !json.contains("fleet"),
            "{json}"
        );
    }

    #[test]
    fn which_sessions_wait_is_not_passed_on() {
        let mut statuses = Statuses::default();
        statuses.received(status(enricher(3), "a"), 0);
        let json = serde_json::to_string(&statuses.pipeline()).unwrap();
        assert!(
            json.contains("\"beingIdentified\":3") && !json.contains("unidentified"),
            "{json}"
        );
    }

    #[test]
    fn invented_instances_are_bounded_and_real_ones_come_back() {
        let mut statuses = Statuses::default();
        statuses.received(status(Figures::Gateway(GatewayFigures::default()), "real"), 0);
        for (now, n) in (0..).zip(0..3 * MAX_INSTANCES) {
            statuses.received(status(enricher(1), &format!("invented-{n}")), now);
        }
        assert_eq!(statuses.by_process.len(), MAX_INSTANCES + 1);
        assert_eq!(statuses.lookups.len(), MAX_INSTANCES);
        assert_eq!(statuses.pipeline().lookups.paid, 30 * MAX_INSTANCES as u64);
        statuses.received(status(enricher(2), "real"), 1_000);
        let pipeline = statuses.pipeline();
        assert!(
            pipeline
                .processes
                .iter()
                .filter(|status| status.instance == "real")
                .count()
                == 2
        );
    }

    #[test]
    fn absurd_figures_break_no_sum() {
        let mut statuses = Statuses::default();
        for (n, spent) in [f64::NAN, f64::INFINITY, -1e300, 1e300, f64::MAX]
            .into_iter()
            .enumerate()
        {
            let lookups = Lookups {
                paid: u64::MAX,
                spent,
                ..Lookups::default()
            };
            let figures = Figures::Enricher(EnricherFigures {
                lookups,
                ..EnricherFigures::default()
            });
            statuses.received(status(figures, &n.to_string()), 0);
        }
        let lookups = statuses.pipeline().lookups;
        assert_eq!(lookups.paid, u64::MAX);
        assert!(lookups.spent.is_finite() && lookups.spent >= 0.0);
    }
}
