//! Reports how far this host's clock is from the NATS server's.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use prometheus_client::metrics::gauge::Gauge;
use protocol::Millis;

use crate::telemetry::metrics::Metrics;

/// The offset of a host's clock, in ms, above which it is a warning.
const WORTH_A_WARNING: Millis = 2_000;

/// What [`LAST`] holds while nothing is known.
const UNKNOWN: i64 = i64::MIN;

/// The last reported offset, for the status.
static LAST: AtomicI64 = AtomicI64::new(UNKNOWN);

/// How far this host's clock is ahead of the NATS server's, in ms; `None` until it is known.
#[must_use]
pub fn offset() -> Option<Millis> {
    Some(LAST.load(Ordering::Relaxed)).filter(|offset| *offset != UNKNOWN)
}

/// Reports the offset as a metric and, if it is large, in the log.
#[derive(Debug)]
pub struct Report {
    seconds: Gauge<f64, AtomicU64>,
    warning: Warning,
}

impl Report {
    /// Registers the metric.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            seconds: metrics.add(
                "clock_offset_seconds",
                "How far this host's clock is ahead of the NATS server's",
                Gauge::default(),
            ),
            warning: Warning::default(),
        }
    }

    /// Reports that this host's clock is ahead by `offset` ms.
    pub fn update(&mut self, offset: Millis) {
        LAST.store(offset, Ordering::Relaxed);
        self.seconds.set(offset as f64 / 1000.0);
        match self.warning.due(offset) {
            Some(true) => tracing::warn!(
                offset_ms = offset,
                "this host's clock differs from the NATS server's; times are corrected, but log lines carry the host's"
            ),
            Some(false) => tracing::info!(
                offset_ms = offset,
                "this host's clock agrees with the NATS server's again"
            ),
            None => {}
        }
    }
}

/// Whether the last report was a warning.
#[derive(Debug, Default)]
struct Warning {
    given: bool,
}

impl Warning {
    /// Whether to warn (`true`) or to report the end of the problem (`false`); `None` if nothing has changed.
    fn due(&mut self, offset: Millis) -> Option<bool> {
        let wrong = offset.abs()
            > if self.given {
                WORTH_A_WARNING / 2
            } else {
                WORTH_A_WARNING
            };
        let changed = std::mem::replace(&mut self.given, wrong) != wrong;
        changed.then_some(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_once_of_a_wrong_clock() {
        let mut warning = Warning::default();
        let warnings: Vec<_> = [0, 2_000, -2_001, -3_600_000, 1_500, 1_000, 1_500, 2_500]
            .into_iter()
            .map(|offset| warning.due(offset))
            .collect();
        assert_eq!(
            warnings,
            [None, None, Some(true), None, None, Some(false), None, Some(true)]
        );
    }
}
