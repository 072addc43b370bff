//! Reports the observation to clients and `/readyz`.

use std::borrow::Cow;

use protocol::frame::Stats;
use protocol::status::{Interruption, Pipeline};
use protocol::{Millis, Timestamp};
use service::health::Health;

use crate::currency::Currency;
use crate::pipeline::observation::Observation;
use crate::pipeline::statuses::Statuses;
use crate::view::View;

/// The part's name in [`Health`]. A gateway that has received no status since its start does not know who is on the
/// website.
pub const PART: &str = "pipeline";

/// The observation, and what the last frame said about it.
pub struct Observer {
    /// Whether the website is observed.
    pub observation: Observation,
    health: Health,
    /// The currency in which lookups are paid.
    currency: Option<Currency>,
    /// The interruptions in the last frame.
    sent_interruptions: Vec<Interruption>,
    /// Sessions that were being identified when the website was last observed.
    being_identified: u64,
}

impl Observer {
    /// Creates the observer of a gateway that has just started.
    pub fn new(stale_after: Millis, health: Health, currency: Option<Currency>, now: Timestamp) -> Self {
        Self {
            observation: Observation::new(stale_after, now),
            health,
            currency,
            sent_interruptions: Vec::new(),
            being_identified: 0,
        }
    }

    /// Updates the observation and reports it in health.
    pub fn update(&mut self, statuses: &Statuses, now: Timestamp) {
        self.observation.update(now);
        if self.observation.has_begun() {
            self.health.ok(PART);
        } else if let Some(reason) = self.observation.silence_since_start(now) {
            self.health.failing(PART, reason);
        }
        if !self.observation.is_interrupted() {
            self.being_identified = statuses.being_identified();
        }
    }

    /// The statistics, as of the last time when they were known to be right.
    pub fn stats(&self, view: &View, statuses: &Statuses, now: Timestamp) -> Stats {
        let as_of = self.observation.as_of();
        let known_before = as_of.map_or(0, |_| self.being_identified);
        let being_identified = statuses.being_identified().max(known_before);
        Stats {
            as_of,
            ..view.stats(being_identified, as_of.unwrap_or(now))
        }
    }

    /// The state of the processes, and the interruptions.
    pub fn pipeline(&self, statuses: &Statuses) -> Pipeline {
        Pipeline {
            currency: self
                .currency
                .as_ref()
                .map(|currency| Cow::Borrowed(currency.code())),
            interruptions: self.observation.interruptions(),
            ..statuses.pipeline()
        }
    }

    /// Whether the interruptions differ from those in the last frame.
    pub fn has_news(&self) -> bool {
        self.observation.interruptions() != self.sent_interruptions
    }

    /// A frame with the current interruptions was sent.
    pub fn frame_sent(&mut self) {
        self.sent_interruptions = self.observation.interruptions();
    }
}
