//! What the lookups of the whole fleet cost, from the bills that its enrichers report. Pure.

use protocol::status::{FleetLookups, Lookups};
use protocol::time;

/// The meter. It never decreases while any enricher has the bill.
#[derive(Debug, Default)]
pub struct FleetMeter {
    shown: Option<FleetLookups>,
}

impl FleetMeter {
    /// Applies the bills of the running enrichers. Each includes what the others had spent a moment ago.
    ///
    /// The bill that was begun first counts: a later one lacks what was spent before, until the first one is restored. A
    /// later bill counts only if no enricher has the first one.
    pub fn update(&mut self, reports: impl Iterator<Item = FleetLookups> + Clone) {
        let reports = reports.filter(|report| time::is_plausible(report.since));
        let Some(since) = reports.clone().map(|report| report.since).min() else {
            return;
        };
        let lookups = reports
            .chain(self.shown)
            .filter(|report| report.since == since)
            .map(|report| report.lookups)
            .fold(Lookups::default(), Lookups::max);
        self.shown = Some(FleetLookups { since, lookups });
    }

    /// What the fleet has spent and since when, if any enricher has reported it.
    pub fn total(&self) -> Option<FleetLookups> {
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Timestamp;
    use protocol::time::unix_ms;

    fn bill(since: Timestamp, paid: u64) -> FleetLookups {
        FleetLookups {
            since,
            lookups: Lookups {
                paid,
                ..Lookups::default()
            },
        }
    }

    fn update(meter: &mut FleetMeter, reports: &[FleetLookups]) -> FleetLookups {
        meter.update(reports.iter().copied());
        meter.total().unwrap()
    }

    #[test]
    fn the_enricher_that_knows_most_is_believed() {
        let mut meter = FleetMeter::default();
        meter.update(std::iter::empty());
        assert_eq!(meter.total(), None);
        assert_eq!(
            update(&mut meter, &[bill(unix_ms(5), 3), bill(unix_ms(5), 4)]),
            bill(unix_ms(5), 4)
        );
        assert_eq!(
            update(&mut meter, &[bill(unix_ms(5), 3)]),
            bill(unix_ms(5), 4),
            "it does not drop"
        );
        meter.update(std::iter::empty());
        assert_eq!(
            meter.total(),
            Some(bill(unix_ms(5), 4)),
            "while no enricher is there"
        );
    }

    #[test]
    fn later_bill_counts_only_if_the_first_is_unknown() {
        let mut meter = FleetMeter::default();
        assert_eq!(update(&mut meter, &[bill(unix_ms(5), 3)]), bill(unix_ms(5), 3));
        assert_eq!(
            update(&mut meter, &[bill(unix_ms(5), 3), bill(unix_ms(9), 7)]),
            bill(unix_ms(5), 3)
        );
        assert_eq!(
            update(&mut meter, &[bill(unix_ms(9), 1)]),
            bill(unix_ms(9), 1),
            "and says since when"
        );
        assert_eq!(
            update(&mut meter, &[bill(unix_ms(9), 1), bill(unix_ms(5), 4)]),
            bill(unix_ms(5), 4)
        );
    }

    #[test]
    fn absurd_figures_are_not_shown() {
        let mut meter = FleetMeter::default();
        meter.update([bill(unix_ms(-1), 3), bill(time::LATEST + 1, 3)].into_iter());
        assert_eq!(meter.total(), None);
        let mut negative = bill(unix_ms(1), 1);
        negative.lookups.spent = -1e15;
        assert_eq!(update(&mut meter, &[negative]), bill(unix_ms(1), 1));
    }
}
