//! Tells the hub's observation to whom it concerns: clients and `/readyz`.

use protocol::Millis;
use protocol::frame::Stats;
use protocol::status::{Interruption, Pipeline};
use service::health::Health;

use crate::pipeline::observation::Observation;
use crate::pipeline::statuses::Statuses;
use crate::view::View;

/// The part's name in [`Health`]: a gateway that has heard nobody since its start does not know who is on the website.
pub const PART: &str = "pipeline";

/// Whether the website is observed, and what was last told of that.
pub struct Observer {
    /// Whether it is.
    pub observation: Observation,
    health: Health,
    /// As they were when the last frame went out.
    told: Vec<Interruption>,
    /// Sessions that were being identified when all enrichers were last heard.
    being_identified: u64,
}

impl Observer {
    /// Of a gateway that has just started.
    pub fn new(stale_after: Millis, health: Health, now: Millis) -> Self {
        Self {
            observation: Observation::new(stale_after, now),
            health,
            told: Vec::new(),
            being_identified: 0,
        }
    }

    /// Takes notice of what is cut off, and of what is back.
    pub fn update(&mut self, statuses: &Statuses, now: Millis) {
        self.observation.update(now);
        if self.observation.has_begun() {
            self.health.well(PART);
        } else if let Some(reason) = self.observation.silence_since_start(now) {
            self.health.trouble(PART, reason);
        }
        if !self.observation.is_interrupted() {
            self.being_identified = statuses.being_identified();
        }
    }

    /// The figures, of when they were last known to be right.
    pub fn stats(&self, view: &View, statuses: &Statuses, now: Millis) -> Stats {
        let as_of = self.observation.as_of();
        let known_before = as_of.map_or(0, |_| self.being_identified);
        let being_identified = statuses.being_identified().max(known_before);
        Stats {
            as_of,
            ..view.stats(being_identified, as_of.unwrap_or(now))
        }
    }

    /// How the processes are, and what is cut off.
    pub fn pipeline(&self, statuses: &Statuses, now: Millis) -> Pipeline {
        Pipeline {
            interruptions: self.observation.interruptions(now),
            ..statuses.pipeline()
        }
    }

    /// Whether anything else is cut off than the last frame told.
    pub fn has_news(&self, now: Millis) -> bool {
        self.observation.interruptions(now) != self.told
    }

    /// A frame has told what is cut off.
    pub fn told(&mut self, now: Millis) {
        self.told = self.observation.interruptions(now);
    }
}
