//! The faults that are active, and the targets that recover.

use std::time::Duration;

use anyhow::Result;
use protocol::Timestamp;
use service::clock;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::chaos::fault::{Fault, RULES_STEP, Target};
use crate::chaos::rules::BACK;

/// A target that recovers from a fault.
pub struct Recovery {
    /// The fault.
    pub fault: Fault,
    /// Returns how long the recovery took.
    pub back: JoinHandle<Result<Duration>>,
}

/// A fault that is not over.
pub struct UnderWay {
    /// The fault.
    pub fault: Fault,
    began: Instant,
    /// When it began.
    pub began_at: Timestamp,
    /// The number of enrichers that have the new rules.
    pub told: usize,
}

impl UnderWay {
    /// A fault that begins now.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            began: Instant::now(),
            began_at: clock::now(),
            told: 0,
        }
    }

    /// Whether it has lasted as long as it should.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.began.elapsed() >= self.fault.lasting
    }

    /// The next enricher that gets new rules, if it is due.
    #[must_use]
    pub fn enricher_to_tell(&self, enrichers: usize) -> Option<usize> {
        let is_due = || self.began.elapsed() >= RULES_STEP * u32::try_from(self.told).unwrap_or(u32::MAX);
        let changes = self.fault.target == Target::HiddenCompanies && self.told < enrichers;
        (changes && is_due()).then_some(self.told)
    }
}

/// Active faults and recoveries.
#[derive(Default)]
pub struct Hurting {
    /// Faults that are not over.
    pub under_way: Vec<UnderWay>,
    /// Targets that recover.
    pub recoveries: Vec<Recovery>,
}

impl Hurting {
    /// Whether a target still recovers that the plan expects to be available for this fault.
    #[must_use]
    pub fn lacks_one_counted_on(&self, next: &Fault) -> bool {
        let mut away = self.recoveries.iter();
        away.any(|recovery| recovery.fault.over() + BACK <= next.at)
    }

    /// Whether all targets have recovered.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.under_way.is_empty() && self.recoveries.is_empty()
    }
}
