//! The settings of a run, and its pipeline.

use std::time::Duration;

use anyhow::Result;
use simulator::deanonymizer::{Deanonymizer, DeanonymizerConfig, Failure, Latency};
use simulator::emitter::{EmitterConfig, Lively};
use simulator::emitter_fault::Faults;

use crate::chaos::fault::{FaultCategory, Target};
use crate::chaos::plan::{self, Pace};
use crate::chaos::process_counts::ProcessCounts;
use crate::processes::{Pipeline, Role};

/// How long a session may be silent before it is stale.
pub const STALE_AFTER: Duration = Duration::from_mins(1);

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Determines the visitors and the faults.
    pub seed: u64,
    /// The number of rounds.
    pub rounds: u64,
    /// Events per second.
    pub rate: u32,
    /// Whether there is a cluster of three NATS servers.
    pub cluster: bool,
    /// How often a fault begins, and how long a round is.
    pub pace: Pace,
    /// The categories of faults that happen.
    pub categories: Vec<FaultCategory>,
}

impl Settings {
    /// How many processes there are.
    pub(super) fn counts(&self) -> ProcessCounts {
        ProcessCounts {
            ingestors: 2,
            enrichers: 3,
            gateways: 2,
            nats_servers: if self.cluster { 3 } else { 1 },
        }
    }

    /// A load of visitors who stay for a minute and send a keep-alive every five seconds; a fifteenth of the events are
    /// arrivals. Only planned faults lose events.
    fn lively(&self) -> Result<Lively> {
        let faults: Faults = Faults::all().iter().filter(|fault| !fault.is_of_site()).collect();
        Ok(Lively::new(f64::from(self.rate) / 15.0, self.rate * 4, faults)?)
    }

    /// The pipeline, with everything that the faults need.
    pub(super) async fn site(&self) -> Result<Pipeline> {
        let counts = self.counts();
        let mut builder = Pipeline::builder()
            .with(Role::Ingestor, counts.ingestors)
            .with(Role::Enricher, counts.enrichers)
            .with(Role::Gateway, counts.gateways)
            .stale_after(STALE_AFTER)
            .emitter(EmitterConfig {
                course: self.seed,
                lively: Some(self.lively()?),
                record: true,
                ..EmitterConfig::default()
            })
            .deanonymizer(DeanonymizerConfig {
                latency: Latency::range(Duration::from_millis(5), Duration::from_millis(50))?,
                ..DeanonymizerConfig::default()
            })
            .large();
        let happens = |kind| self.categories.contains(&kind);
        if self.cluster {
            builder = builder.cluster();
        }
        if happens(FaultCategory::Clocks) {
            builder = builder.fake_clocks();
        }
        if happens(FaultCategory::Cuts) {
            builder = builder.through_proxies();
        }
        let site = builder.start().await?;
        if happens(FaultCategory::Clocks) {
            for role in Role::ALL {
                for (number, instance) in site.instances(role).enumerate() {
                    instance.set_clock_offset(self.clock_skew(Target::Instance(role, number)))?;
                }
            }
        }
        Ok(site)
    }

    /// The constant error of a process's wall clock, in seconds.
    pub(super) fn clock_skew(&self, target: Target) -> i64 {
        plan::clock_skew(self.seed, target)
    }
}

/// Enables the faults of the Deanonymizer for a round. Afterwards they are disabled, so that new visitors are identified
/// soon.
pub(super) fn set_deanonymizer_faults(deanonymizer: &Deanonymizer, enabled: bool) {
    let share = |share| if enabled { share } else { 0.0 };
    deanonymizer.set_error_rate(share(0.1));
    deanonymizer.set_hang_rate(share(0.002));
    deanonymizer.set_garbage(share(0.02), &Failure::GARBAGE);
}
