//! The metrics of a process.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

pub use crate::telemetry::exposition::Format;
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use protocol::{Millis, Timestamp};

use crate::clock;
use crate::process::version;
use crate::telemetry::process_metrics::ProcessMetrics;

/// A number that goes up and down, and never below zero.
pub type Gauge = prometheus_client::metrics::gauge::Gauge<u64, AtomicU64>;

/// An amount of money.
pub type Amount = prometheus_client::metrics::gauge::Gauge<f64, AtomicU64>;

/// One label and its value.
pub type Label = [(&'static str, &'static str); 1];

/// A label whose values are known only when the process runs.
pub type NameLabel = [(&'static str, String); 1];

/// Two labels and their values.
pub type Labels = [(&'static str, &'static str); 2];

/// The bounds of every latency histogram, in seconds: from a quiet pipeline's millisecond to a lookup that fails for
/// half a minute.
const LATENCIES: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// One gauge per state of something: 1 for the current state, 0 for the others. Clones share it.
#[derive(Clone, Debug)]
pub struct States(Vec<(&'static str, Gauge)>);

impl States {
    /// Sets the current state, which must be one of those that [`Metrics::states`] was given.
    pub fn set(&self, current: &str) {
        for (state, gauge) in &self.0 {
            gauge.set(u64::from(*state == current));
        }
    }
}

/// How long something takes, as a histogram. Clones share it.
#[derive(Clone, Debug)]
pub struct Latency(Histogram);

impl Latency {
    /// Records something that started at that time, possibly according to another host's clock, and has just ended.
    pub fn since(&self, began_at: Timestamp) {
        let millis = u64::try_from(clock::now() - began_at).unwrap_or(0);
        self.took(Duration::from_millis(millis));
    }

    /// Records something that started at that uptime and has just ended.
    pub fn since_uptime(&self, began_at: Millis) {
        let millis = u64::try_from(clock::uptime() - began_at).unwrap_or(0);
        self.took(Duration::from_millis(millis));
    }

    /// Records a duration.
    pub fn took(&self, duration: Duration) {
        self.0.observe(duration.as_secs_f64());
    }
}

/// The metrics of a process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    /// When each certificate expires, by the flag that names its file.
    expiries: Family<Label, Gauge>,
    /// Those that the process has whatever it does, named `process_`.
    of_system: Arc<Registry>,
}

impl Metrics {
    /// Creates a registry with the metrics of every process. Each name gets the prefix `visitor_<process>_`.
    #[must_use]
    pub fn new(process: &str) -> Self {
        let mut registry = Registry::with_prefix(format!("visitor_{process}"));
        registry.register("build", "The version that runs", Info::new(version::labels()));
        let expiries = Family::default();
        registry.register(
            "tls_certificate_expiry_timestamp_seconds",
            "When the certificate that this flag names expires, in seconds since the epoch; 0 without one",
            expiries.clone(),
        );
        let mut of_system = Registry::with_prefix("process");
        of_system.register_collector(Box::new(ProcessMetrics));
        Self {
            registry: Arc::new(Mutex::new(registry)),
            expiries,
            of_system: Arc::new(of_system),
        }
    }

    /// Adds and returns a metric. `help` is a sentence without its full stop, which the format adds.
    #[must_use]
    pub fn add<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.lock().register(name, help, metric.clone());
        metric
    }

    /// When the certificate that this flag names expires, in seconds since the epoch.
    #[must_use]
    pub fn certificate_expiry(&self, flag: &'static str) -> Gauge {
        self.expiries.get_or_create_owned(&[("flag", flag)])
    }

    /// Adds a gauge per state, with the label `state`. The first state is the current one.
    #[must_use]
    pub fn states(&self, name: &str, help: &str, states: &[&'static str]) -> States {
        let family: Family<Label, Gauge> = self.add(name, help, Family::default());
        let gauges = States(
            states
                .iter()
                .map(|state| (*state, family.get_or_create_owned(&[("state", *state)])))
                .collect(),
        );
        gauges.set(states.first().copied().unwrap_or_default());
        gauges
    }

    /// Adds a histogram of latencies; `_seconds` is added to its name.
    #[must_use]
    pub fn latency(&self, name: &str, help: &str) -> Latency {
        let histogram = Histogram::new(LATENCIES);
        self.lock()
            .register_with_unit(name, help, Unit::Seconds, histogram.clone());
        Latency(histogram)
    }

    /// Adds metrics that are computed when they are read.
    pub fn collect(&self, collector: impl Collector) {
        self.lock().register_collector(Box::new(collector));
    }

    /// All metrics as text in this format.
    ///
    /// # Errors
    /// Fails if a metric cannot be written; ours always can.
    pub fn text(&self, format: Format) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode_registry(&mut text, &self.lock())?;
        encode_registry(&mut text, &self.of_system)?;
        encode_eof(&mut text)?;
        Ok(format.of(text))
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
