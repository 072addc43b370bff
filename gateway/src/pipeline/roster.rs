//! Which processes have vanished without reporting that they stop. Pure.

use std::collections::BTreeMap;

use protocol::status::{Missing, Status};
use protocol::{Millis, Timestamp};

/// How long after its last status a process counts as missing, in ms.
const MISSING_AFTER: Millis = 10_000;

/// How long a missing process is reported, in ms.
const REPORTED_FOR: Millis = 3_600_000;

/// After how long without our own status from NATS the silence of others says nothing, in ms.
const CUT_OFF_AFTER: Millis = 3_000;

/// Maximum processes of all kinds. Beyond it, none is added.
const MAX_PROCESSES: usize = 512;

/// The kind and the instance of a process.
type Name = (&'static str, String);

/// A process that reports.
#[derive(Debug)]
struct Running {
    heard_at: Millis,
    /// When it sent its last status, by the server's clock.
    status_at: Timestamp,
    started_at: Timestamp,
    /// Whether it has taken the place of a missing one.
    replaces: bool,
}

/// A process that has vanished.
#[derive(Debug)]
struct Gone {
    noticed_at: Millis,
    status_at: Timestamp,
}

/// The processes that were there. `now` is the gateway's uptime.
#[derive(Debug, Default)]
pub struct Roster {
    running: BTreeMap<Name, Running>,
    gone: BTreeMap<Name, Gone>,
    /// When our own status last arrived from NATS.
    own_heard_at: Option<Millis>,
    /// Since when it has arrived without a gap.
    listening_since: Millis,
}

impl Roster {
    /// A status has arrived from NATS.
    pub fn heard(&mut self, status: &Status, is_own: bool, now: Millis) {
        if is_own {
            if self.is_cut_off(now) {
                self.listening_since = now;
            }
            self.own_heard_at = Some(now);
        }
        let name = (status.figures.process(), status.instance.clone());
        self.gone.remove(&name);
        // A release that does not report when it stops never counts as missing, because it would after each upgrade.
        if status.stopping != Some(false) {
            self.running.remove(&name);
            return;
        }
        if self.running.len() >= MAX_PROCESSES && !self.running.contains_key(&name) {
            return;
        }
        let running = self.running.entry(name).or_insert(Running {
            heard_at: now,
            status_at: status.at,
            started_at: status.started_at,
            replaces: false,
        });
        running.heard_at = now;
        running.status_at = status.at;
    }

    /// Updates which processes are missing, as time passes.
    pub fn update(&mut self, now: Millis) {
        if self.is_cut_off(now) {
            return;
        }
        let listening_since = self.listening_since;
        let silent = self.running.extract_if(.., |_, seen| {
            now - seen.heard_at.max(listening_since) > MISSING_AFTER
        });
        let gone = silent.map(|(name, seen)| {
            let gone = Gone {
                noticed_at: now,
                status_at: seen.status_at,
            };
            (name, gone)
        });
        self.gone.extend(gone);
        let running = &mut self.running;
        self.gone.retain(|(kind, _), gone| {
            let replacement = running.iter_mut().find(|((process, _), seen)| {
                process == kind && !seen.replaces && seen.started_at >= gone.status_at
            });
            if let Some((_, seen)) = replacement {
                seen.replaces = true;
                return false;
            }
            now - gone.noticed_at <= REPORTED_FOR
        });
        while self.gone.len() > MAX_PROCESSES {
            self.gone.pop_first();
        }
    }

    /// The missing processes, sorted by kind and instance.
    pub fn missing(&self) -> Vec<Missing> {
        let missing = |((process, instance), gone): (&Name, &Gone)| Missing {
            process: (*process).to_owned(),
            instance: instance.clone(),
            since: gone.status_at,
        };
        self.gone.iter().map(missing).collect()
    }

    fn is_cut_off(&self, now: Millis) -> bool {
        self.own_heard_at.is_none_or(|at| now - at > CUT_OFF_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::status::{EnricherFigures, Figures, GatewayFigures};
    use protocol::time::unix_ms;

    fn status(figures: Figures, instance: &str, stopping: Option<bool>, started_at: i64, at: i64) -> Status {
        Status {
            figures,
            instance: instance.into(),
            at: unix_ms(at),
            started_at: unix_ms(started_at),
            clock_offset_seconds: None,
            ready: true,
            reason: None,
            stopping,
        }
    }

    fn enricher(instance: &str, stopping: Option<bool>, started_at: i64, at: i64) -> Status {
        let figures = Figures::Enricher(EnricherFigures::default());
        status(figures, instance, stopping, started_at, at)
    }

    /// The gateway's own status arrives each second of this time.
    fn listen(roster: &mut Roster, from: Millis, to: Millis) {
        let own = status(
            Figures::Gateway(GatewayFigures::default()),
            "own",
            Some(false),
            0,
            0,
        );
        for now in (from..=to).step_by(1_000) {
            roster.heard(&own, true, now);
            roster.update(now);
        }
    }

    fn missing(roster: &Roster) -> Vec<(String, i64)> {
        let missing = roster.missing().into_iter();
        missing
            .map(|missing| (missing.instance, missing.since.unix_ms()))
            .collect()
    }

    #[test]
    fn vanished_process_is_missing_for_an_hour_and_stopped_or_older_ones_are_not() {
        let mut roster = Roster::default();
        listen(&mut roster, 0, 0);
        for (instance, stopping) in [("killed", Some(false)), ("stopped", Some(false)), ("older", None)] {
            roster.heard(&enricher(instance, stopping, 0, 7), false, 0);
        }
        roster.heard(&enricher("stopped", Some(true), 0, 8), false, 500);
        listen(&mut roster, 1_000, 10_000);
        assert_eq!(missing(&roster), []);
        listen(&mut roster, 11_000, 11_000 + REPORTED_FOR);
        assert_eq!(missing(&roster), [("killed".to_owned(), 7)]);
        listen(&mut roster, 12_000 + REPORTED_FOR, 12_000 + REPORTED_FOR);
        assert_eq!(missing(&roster), []);
    }

    #[test]
    fn missing_process_that_reports_again_or_is_replaced_is_no_longer_missing() {
        let mut roster = Roster::default();
        listen(&mut roster, 0, 0);
        for instance in ["frozen", "killed"] {
            roster.heard(&enricher(instance, Some(false), 0, 50_000), false, 0);
        }
        listen(&mut roster, 1_000, 12_000);
        assert_eq!(missing(&roster).len(), 2);
        roster.heard(&enricher("frozen", Some(false), 0, 62_000), false, 12_000);
        assert_eq!(missing(&roster), [("killed".to_owned(), 50_000)]);
        // It started long before the other vanished, so it does not replace it.
        roster.heard(&enricher("another", Some(false), 40_000, 62_000), false, 12_000);
        listen(&mut roster, 13_000, 13_000);
        assert_eq!(missing(&roster), [("killed".to_owned(), 50_000)]);
        roster.heard(&enricher("restarted", Some(false), 51_000, 62_000), false, 13_000);
        listen(&mut roster, 14_000, 14_000);
        assert_eq!(missing(&roster), []);
    }

    #[test]
    fn nobody_is_missing_while_the_gateway_hears_nothing() {
        let mut roster = Roster::default();
        listen(&mut roster, 0, 0);
        roster.heard(&enricher("a", Some(false), 0, 0), false, 0);
        roster.update(60_000);
        assert_eq!(missing(&roster), [], "NATS is unreachable");
        listen(&mut roster, 60_000, 69_000);
        assert_eq!(missing(&roster), [], "it may need a moment to connect");
        listen(&mut roster, 70_000, 71_000);
        assert_eq!(missing(&roster).len(), 1);
    }

    #[test]
    fn number_of_processes_is_bounded() {
        let mut roster = Roster::default();
        for n in 0..2_000 {
            roster.heard(&enricher(&n.to_string(), Some(false), 0, 0), false, 0);
        }
        listen(&mut roster, 0, 20_000);
        assert!(missing(&roster).len() <= MAX_PROCESSES);
    }
}
