//! What is being done, and who is on the way back.

use std::time::Duration;

use anyhow::Result;
use protocol::Millis;
use service::clock;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::chaos::fault::{Fault, RULES_STEP, Target};
use crate::chaos::rules::BACK;

/// Somebody who was struck and is on the way back.
pub struct Recovery {
    /// How it was struck.
    pub strike: Fault,
    /// Gives how long it took.
    pub back: JoinHandle<Result<Duration>>,
}

/// A strike that is not over.
pub struct UnderWay {
    /// What is done.
    pub strike: Fault,
    began: Instant,
    /// When it began.
    pub began_at: Millis,
    /// How many enrichers have been told of new rules.
    pub told: usize,
}

impl UnderWay {
    /// It begins now.
    #[must_use]
    pub fn new(strike: Fault) -> Self {
        Self {
            strike,
            began: Instant::now(),
            began_at: clock::now(),
            told: 0,
        }
    }

    /// Whether it has lasted as long as it should.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.began.elapsed() >= self.strike.lasting
    }

    /// The enricher that is to be told of new rules next, if its turn has come.
    #[must_use]
    pub fn enricher_to_tell(&self, enrichers: usize) -> Option<usize> {
        let is_due = || self.began.elapsed() >= RULES_STEP * u32::try_from(self.told).unwrap_or(u32::MAX);
        let changes = self.strike.victim == Target::HiddenCompanies && self.told < enrichers;
        (changes && is_due()).then_some(self.told)
    }
}

/// What is being done, and what came of what was.
#[derive(Default)]
pub struct Hurting {
    /// What is not over.
    pub under_way: Vec<UnderWay>,
    /// Who is on the way back.
    pub recoveries: Vec<Recovery>,
}

impl Hurting {
    /// Whether somebody is not back whom the plan believes to be by the time of this strike.
    #[must_use]
    pub fn lacks_one_counted_on(&self, next: &Fault) -> bool {
        let mut away = self.recoveries.iter();
        away.any(|recovery| recovery.strike.over() + BACK <= next.at)
    }

    /// Whether all are back.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.under_way.is_empty() && self.recoveries.is_empty()
    }
}
