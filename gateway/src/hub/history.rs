//! The figures of the last hour, so that the charts of a page that is opened do not begin empty.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::frame::Stats;
use protocol::history::{History, HistoryPoint};
use protocol::time::millis;
use protocol::{Millis, Timestamp};

use crate::view::Traffic;

/// Time between two points.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long a point is kept.
const KEPT_FOR: Duration = Duration::from_hours(1);
/// Maximum number of points: those of one hour.
const MAX_POINTS: usize = 360;
/// Minimum time over which a rate is measured: over a shorter one, a single arrival would look like a rush.
const MIN_MEASURED: Duration = Duration::from_secs(1);

/// Keeps one point per interval while the figures are known. A restarted gateway begins anew.
#[derive(Debug, Default)]
pub struct HistoryRecorder {
    points: VecDeque<HistoryPoint>,
    /// When the present interval began, and the traffic until then; `None` while the figures are not known.
    begun: Option<(Timestamp, Traffic)>,
}

impl HistoryRecorder {
    /// Adds a point if one is due.
    ///
    /// `stats` are the figures at `now`, or `None` while they are not known to be right.
    pub fn observe(&mut self, now: Timestamp, stats: Option<Stats>, traffic: Traffic) {
        let Some(stats) = stats else {
            self.begun = None;
            return;
        };
        let &mut (since, before) = self.begun.get_or_insert((now, traffic));
        let elapsed = now - since;
        if interval_of(now) == interval_of(since) || elapsed < millis(MIN_MEASURED) {
            return;
        }
        self.begun = Some((now, traffic));
        if self.points.len() == MAX_POINTS {
            self.points.pop_front();
        }
        let per_second = |count: u64| count as f64 * 1_000.0 / elapsed as f64;
        self.points.push_back(HistoryPoint {
            at: now,
            stats,
            arrivals_per_second: per_second(traffic.appeared - before.appeared),
            departures_per_second: per_second(traffic.left() - before.left()),
        });
    }

    /// Adapts all times to a step of the server's clock.
    pub fn shift(&mut self, stepped: Millis) {
        for point in &mut self.points {
            point.at += stepped;
        }
        if let Some((since, _)) = &mut self.begun {
            *since += stepped;
        }
    }

    /// All points of the last hour.
    pub fn points(&self, now: Timestamp) -> History {
        History {
            interval_seconds: INTERVAL.as_secs(),
            points: self
                .points
                .iter()
                .filter(|point| now - point.at <= millis(KEPT_FOR))
                .copied()
                .collect(),
        }
    }
}

/// Which interval since the Unix epoch it is at that time.
fn interval_of(at: Timestamp) -> i64 {
    at.unix_ms().div_euclid(millis(INTERVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

    /// The time this many seconds after the start.
    fn after(seconds: u32) -> Timestamp {
        START + Millis::from(seconds) * 1_000
    }

    fn stats(active_sessions: u64) -> Stats {
        Stats {
            active_sessions,
            ..Stats::default()
        }
    }

    fn assert_rate(measured: f64, rate: f64) {
        assert!((measured - rate).abs() < 1e-9, "{measured} is not {rate}");
    }

    fn traffic(appeared: u64, closed: u64) -> Traffic {
        Traffic {
            appeared,
            closed,
            ..Traffic::default()
        }
    }

    #[test]
    fn one_point_per_interval_with_rates_since_the_point_before() {
        let mut history = HistoryRecorder::default();
        for second in 0..=25_u32 {
            let count = u64::from(second);
            history.observe(after(second), Some(stats(count)), traffic(2 * count, count));
        }
        let History {
            interval_seconds,
            points,
        } = history.points(START + 25_000);
        assert_eq!(interval_seconds, 10);
        let shown: Vec<_> = points
            .iter()
            .map(|point| (point.at - START, point.stats.active_sessions))
            .collect();
        assert_eq!(shown, [(10_000, 10), (20_000, 20)]);
        assert_rate(points[1].arrivals_per_second, 2.0);
        assert_rate(points[1].departures_per_second, 1.0);
    }

    #[test]
    fn traffic_before_the_figures_were_known_is_in_no_rate() {
        let mut history = HistoryRecorder::default();
        history.observe(START, None, traffic(0, 0));
        history.observe(START + 5_000, Some(stats(900)), traffic(900, 0));
        history.observe(START + 10_000, Some(stats(905)), traffic(905, 0));
        assert_rate(history.points(START + 10_000).points[0].arrivals_per_second, 1.0);
    }

    #[test]
    fn no_point_while_the_figures_are_unknown() {
        let mut history = HistoryRecorder::default();
        for second in 0..=60_u32 {
            let known = !(15..45).contains(&second);
            history.observe(after(second), known.then_some(stats(1)), traffic(0, 0));
        }
        let at: Vec<_> = history
            .points(START + 60_000)
            .points
            .iter()
            .map(|point| (point.at - START) / 1_000)
            .collect();
        assert_eq!(at, [10, 50, 60]);
    }

    #[test]
    fn holds_one_hour() {
        let mut history = HistoryRecorder::default();
        for point in 0..1_000 {
            history.observe(after(point * 10), Some(stats(1)), traffic(0, 0));
        }
        let now = START + 999 * 10_000;
        let points = history.points(now).points;
        assert_eq!(points.len(), MAX_POINTS);
        assert_eq!(points[0].at, now - 359 * 10_000);
        assert_eq!(history.points(now + 3_600_000).points.len(), 1);
    }

    #[test]
    fn follows_a_step_of_the_clock() {
        let mut history = HistoryRecorder::default();
        history.observe(START, Some(stats(1)), traffic(0, 0));
        history.observe(START + 10_000, Some(stats(1)), traffic(0, 0));
        history.shift(3_600_000);
        history.observe(START + 3_620_000, Some(stats(1)), traffic(10, 0));
        let points = history.points(START + 3_620_000).points;
        assert_eq!(points[0].at, START + 3_610_000);
        assert_rate(points[1].arrivals_per_second, 1.0);
    }
}
