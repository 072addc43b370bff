//! Metrics in the Prometheus text format.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::registry::{Metric, Registry};

pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::family::Family;
pub use prometheus_client::metrics::histogram::Histogram;

/// A number that goes up and down, and never below zero.
pub type Gauge = prometheus_client::metrics::gauge::Gauge<u64, AtomicU64>;

/// One label and its value.
pub type Label = [(&'static str, &'static str); 1];

/// The metrics of a process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    /// No metrics yet; each name will begin with `visitor_<process>_`.
    #[must_use]
    pub fn new(process: &str) -> Self {
        let registry = Registry::with_prefix(format!("visitor_{process}"));
        Self {
            registry: Arc::new(Mutex::new(registry)),
        }
    }

    /// Adds a metric and gives it back. `help` is a sentence without its full stop, which the format adds.
    #[must_use]
    pub fn add<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.registry
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .register(name, help, metric.clone());
        metric
    }

    /// All metrics as text.
    ///
    /// # Errors
    /// Where a metric cannot be written, which none of ours does.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}
