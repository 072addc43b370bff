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
    pub updated_enrichers: usize,
}

impl UnderWay {
    /// A fault that begins now.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            began: Instant::now(),
            began_at: clock::now(),
            updated_enrichers: 0,
        }
    }

    /// Whether it has lasted as long as it should.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.began.elapsed() >= self.fault.lasting
    }

    /// The next enricher that gets new rules, if it is due.
    #[must_use]
    pub fn enricher_to_update(&self, enrichers: usize) -> Option<usize> {
        let is_due =
            || self.began.elapsed() >= RULES_STEP * u32::try_from(self.updated_enrichers).unwrap_or(u32::MAX);
        let changes = self.fault.target == Target::HiddenCompanies && self.updated_enrichers < enrichers;
        (changes && is_due()).then_some(self.updated_enrichers)
    }
}

/// Active faults and recoveries.
#[derive(Default)]
pub struct ActiveFaults {
    /// Faults that are not over.
    pub under_way: Vec<UnderWay>,
    /// Targets that recover.
    pub recoveries: Vec<Recovery>,
}

impl ActiveFaults {
    /// Whether this fault must wait, because the plan expects a target to be available that is still recovering.
    #[must_use]
    pub fn must_wait_for_recovery(&self, next: &Fault) -> bool {
        let mut recovering = self.recoveries.iter();
        recovering.any(|recovery| recovery.fault.over() + BACK <= next.at)
    }

    /// Whether all targets have recovered.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.under_way.is_empty() && self.recoveries.is_empty()
    }
}
