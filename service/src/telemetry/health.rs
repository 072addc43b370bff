//! Whether a process is ready, and why not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::Notify;

/// The failing parts of a process, which is ready when there are none. Clones share them.
///
/// Each change is logged here once, so callers can report the same failure repeatedly.
#[derive(Clone, Debug, Default)]
pub struct Health {
    parts: Arc<Mutex<Parts>>,
    /// Notified when the process becomes ready or ceases to be.
    readiness_changed: Arc<Notify>,
}

/// The reason of each failing part.
#[derive(Debug, Default)]
struct Parts {
    /// Those without which the process is not ready.
    failing: BTreeMap<String, String>,
    /// Parts whose failure only impairs the process.
    impaired: BTreeMap<String, String>,
}

impl Health {
    /// A process that starts with these parts failing.
    #[must_use]
    pub fn starting(parts: &[&str]) -> Self {
        let health = Self::default();
        health.lock().failing.extend(
            parts
                .iter()
                .map(|part| ((*part).to_owned(), "not ready yet".to_owned())),
        );
        health
    }

    /// The part is ok.
    pub fn ok(&self, part: &str) {
        let mut parts = self.lock();
        let failed = parts.failing.remove(part).is_some();
        if failed && parts.failing.is_empty() {
            self.readiness_changed.notify_one();
        }
        if parts.impaired.remove(part).is_some() || failed {
            tracing::info!(part, "ok");
        }
    }

    /// The part is failing, so the process is not ready.
    pub fn failing(&self, part: &str, reason: impl Into<String>) {
        let mut parts = self.lock();
        if parts.failing.is_empty() {
            self.readiness_changed.notify_one();
        }
        note(&mut parts.failing, part, reason.into());
    }

    /// The part is failing, and the process does the rest of its job without it, so it stays ready.
    pub fn impaired(&self, part: &str, reason: impl Into<String>) {
        note(&mut self.lock().impaired, part, reason.into());
    }

    /// Waits until the process has become ready or has ceased to be since the last call. For one task.
    pub async fn readiness_changed(&self) {
        self.readiness_changed.notified().await;
    }

    /// The failing parts on one line; `None` if there are none.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        line(&self.lock().failing)
    }

    /// The impaired parts on one line; `None` if there are none.
    #[must_use]
    pub fn impairment(&self) -> Option<String> {
        line(&self.lock().impaired)
    }

    fn lock(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a reason, and logs it if it is new.
fn note(reasons: &mut BTreeMap<String, String>, part: &str, reason: String) {
    if reasons.get(part) != Some(&reason) {
        tracing::warn!(part, reason, "failing");
        reasons.insert(part.to_owned(), reason);
    }
}

fn line(reasons: &BTreeMap<String, String>) -> Option<String> {
    let mut text = String::new();
    for (part, reason) in reasons {
        let separator = if text.is_empty() { "" } else { "; " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{part}: {reason}");
    }
    (!text.is_empty()).then_some(text)
}

impl Collector for Health {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let gauges = [
            ("ready", "1 while the process is ready", self.reason().is_none()),
            (
                "impaired",
                "1 while the process does without something that it needs for part of its work",
                self.impairment().is_some(),
            ),
        ];
        for (name, help, is_so) in gauges {
            let gauge = ConstGauge::new(i64::from(is_so));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn reports_that_readiness_changed_and_nothing_else() {
        let health = Health::starting(&["nats", "emitter"]);
        let has_changed = || health.readiness_changed().now_or_never().is_some();
        assert!(!has_changed());
        health.ok("nats");
        assert!(!has_changed(), "the emitter is still missing");
        health.ok("emitter");
        assert!(has_changed());
        assert!(!has_changed(), "once per change");
        health.failing("emitter", "connection refused");
        assert!(has_changed());
        health.failing("emitter", "connection reset");
        health.failing("nats", "not connected");
        assert!(!has_changed(), "it was not ready before");
    }

    #[test]
    fn ready_once_no_part_is_failing() {
        let health = Health::starting(&["nats", "emitter"]);
        assert_eq!(
            health.reason().as_deref(),
            Some("emitter: not ready yet; nats: not ready yet")
        );
        health.ok("nats");
        health.ok("emitter");
        assert_eq!(health.reason(), None);
        health.failing("emitter", "connection refused");
        assert_eq!(
            health.clone().reason().as_deref(),
            Some("emitter: connection refused")
        );
    }

    #[test]
    fn ready_without_a_part_that_only_impairs() {
        let health = Health::default();
        health.impaired("provider", "connection refused");
        assert_eq!(health.reason(), None);
        assert_eq!(
            health.impairment().as_deref(),
            Some("provider: connection refused")
        );
        health.ok("provider");
        assert_eq!(health.impairment(), None);
    }
}
