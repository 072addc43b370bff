//! Whether a process does its job now, and why not.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;

/// The troubles of a process; ready when there is none. Clones share them.
///
/// A change is logged here, once, so that those who report a trouble need not remember whether they have before.
#[derive(Clone, Debug, Default)]
pub struct Health {
    troubles: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl Health {
    /// A process that must first get these parts to work.
    #[must_use]
    pub fn starting(parts: &[&'static str]) -> Self {
        let health = Self::default();
        health
            .lock()
            .extend(parts.iter().map(|part| (*part, "not there yet".to_owned())));
        health
    }

    /// The part works.
    pub fn well(&self, part: &'static str) {
        if self.lock().remove(part).is_some() {
            tracing::info!(part, "works");
        }
    }

    /// The part does not work.
    pub fn trouble(&self, part: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        let mut troubles = self.lock();
        if troubles.get(part) != Some(&reason) {
            tracing::warn!(part, reason, "does not work");
            troubles.insert(part, reason);
        }
    }

    /// What is wrong, on one line; `None` where nothing is.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let troubles = self.lock();
        let mut text = String::new();
        for (part, reason) in troubles.iter() {
            let separator = if text.is_empty() { "" } else { "; " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{separator}{part}: {reason}");
        }
        (!text.is_empty()).then_some(text)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Health {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let ready = ConstGauge::new(i64::from(self.reason().is_none()));
        let help = "1 while the process does its job";
        ready.encode(encoder.encode_descriptor("ready", help, None, ready.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_once_every_part_works() {
        let health = Health::starting(&["nats", "emitter"]);
        assert_eq!(
            health.reason().as_deref(),
            Some("emitter: not there yet; nats: not there yet")
        );
        health.well("nats");
        health.well("emitter");
        assert_eq!(health.reason(), None);
        health.trouble("emitter", "connection refused");
        assert_eq!(
            health.clone().reason().as_deref(),
            Some("emitter: connection refused")
        );
    }
}
