//! The status of a process: published each second on `visitor.status.<process>.<instance>`, shown as the `pipeline`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::sample::Sample;
use crate::time::Timestamp;

/// How often a process publishes its status.
pub const INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// The status that a process publishes each second and when its readiness changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The kind of process, with its figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The instance name.
    pub instance: String,
    /// When the status was published.
    pub at: Timestamp,
    /// When the process started.
    pub started_at: Timestamp,
    /// How far its host's clock is ahead of the NATS server's, once that is known; times in messages are corrected by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_seconds: Option<f64>,
    /// Whether it is ready now.
    pub ready: bool,
    /// Why it is not ready, in words. For a ready process, what is unavailable.
    pub reason: Option<String>,
    /// Whether this is its last status, because it was told to stop. Absent in older releases, which do not report that they stop.
    /// Not passed on to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<bool>,
}

/// The figures of each kind of process. Counters start at zero with the process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "process", rename_all = "lowercase")]
pub enum Figures {
    /// Reads the emitter.
    Ingestor(IngestorFigures),
    /// Finds out who visitors are.
    Enricher(EnricherFigures),
    /// Serves the view.
    Gateway(GatewayFigures),
    /// Notifies people of arrivals.
    Notifier(NotifierFigures),
}

impl Figures {
    /// The process's name, as in its subjects.
    #[must_use]
    pub const fn process(&self) -> &'static str {
        match self {
            Self::Ingestor(_) => "ingestor",
            Self::Enricher(_) => "enricher",
            Self::Gateway(_) => "gateway",
            Self::Notifier(_) => "notifier",
        }
    }
}

/// The figures of an ingestor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestorFigures {
    /// Whether at least one emitter is connected.
    pub emitter_connected: bool,
    /// How long all emitters have been silent.
    pub emitter_silent_seconds: f64,
    /// Each emitter that it reads. Empty in statuses of older releases, which read only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emitters: Vec<EmitterFigures>,
    /// Frames read.
    pub received: u64,
    /// Frames that could not be used.
    pub rejected: u64,
    /// Events that the raw stream has acknowledged.
    pub published: u64,
    /// Events that it has not acknowledged yet.
    pub waiting: u64,
    /// Events dropped because too many were waiting.
    pub dropped: u64,
}

/// The figures of one emitter that an ingestor reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EmitterFigures {
    /// Its host and port.
    pub name: String,
    /// Whether it is connected.
    pub connected: bool,
    /// How long it has sent nothing.
    pub silent_seconds: f64,
    /// Frames read from it.
    pub received: u64,
}

/// The figures of an enricher.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnricherFigures {
    /// Sessions that wait for a verdict.
    pub being_identified: u64,
    /// A sample of them, so that sessions that wait at several enrichers count once. Not passed on to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unidentified: Option<Sample>,
    /// Events that have been handled completely.
    pub events_handled: u64,
    /// Messages in the raw stream that no enricher has taken yet.
    pub queue_waiting: u64,
    /// What its lookups cost and saved.
    pub lookups: Lookups,
    /// Whether calls are made.
    pub breaker: Breaker,
    /// How many calls may run at once now: its share of the fleet's limit.
    pub lookup_concurrency: u64,
    /// How many calls it has in flight.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lookups_in_flight: u64,
    /// The limit of the whole fleet, reported by the enricher that adapts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet_lookup_limit: Option<u64>,
    /// Why calls are held back, in words.
    pub lookups_held_back: Option<String>,
    /// Whether the provider accepts our account.
    #[serde(default)]
    pub account: Account,
    /// What this enricher knows of the whole fleet's spending. Not passed on to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetLookups>,
    /// A fingerprint of its filter rules; enrichers with the same rules have the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What lookups have cost and saved since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lookups {
    /// Calls to the Deanonymizer.
    pub paid: u64,
    /// Calls that yielded no verdict.
    pub failed: u64,
    /// Calls that only revealed that a visitor is from a hidden company.
    pub paid_for_hidden: u64,
    /// New sessions whose verdict was in the enricher's own cache.
    pub saved_by_cache: u64,
    /// New sessions whose verdict another enricher had stored.
    pub saved_by_fleet: u64,
    /// New sessions that shared another session's call.
    pub saved_by_sharing: u64,
    /// What the calls cost, in the currency of `--price-per-lookup`.
    pub spent: f64,
}

/// What the lookups of all enrichers have cost and saved, including those of enrichers that have exited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetLookups {
    /// When the fleet began to count.
    pub since: Timestamp,
    /// The counts.
    pub lookups: Lookups,
}

impl Lookups {
    /// The later of two states of the same counters, which only grow.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            paid: self.paid.max(other.paid),
            failed: self.failed.max(other.failed),
            paid_for_hidden: self.paid_for_hidden.max(other.paid_for_hidden),
            saved_by_cache: self.saved_by_cache.max(other.saved_by_cache),
            saved_by_fleet: self.saved_by_fleet.max(other.saved_by_fleet),
            saved_by_sharing: self.saved_by_sharing.max(other.saved_by_sharing),
            spent: self.spent.max(other.spent),
        }
    }

    /// The difference from an earlier state of the counters.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            paid: self.paid.saturating_sub(earlier.paid),
            failed: self.failed.saturating_sub(earlier.failed),
            paid_for_hidden: self.paid_for_hidden.saturating_sub(earlier.paid_for_hidden),
            saved_by_cache: self.saved_by_cache.saturating_sub(earlier.saved_by_cache),
            saved_by_fleet: self.saved_by_fleet.saturating_sub(earlier.saved_by_fleet),
            saved_by_sharing: self.saved_by_sharing.saturating_sub(earlier.saved_by_sharing),
            spent: (self.spent - earlier.spent).max(0.0),
        }
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            paid: self.paid.saturating_add(other.paid),
            failed: self.failed.saturating_add(other.failed),
            paid_for_hidden: self.paid_for_hidden.saturating_add(other.paid_for_hidden),
            saved_by_cache: self.saved_by_cache.saturating_add(other.saved_by_cache),
            saved_by_fleet: self.saved_by_fleet.saturating_add(other.saved_by_fleet),
            saved_by_sharing: self.saved_by_sharing.saturating_add(other.saved_by_sharing),
            // JSON has no infinity, and an amount spent is never negative.
            spent: (self.spent.max(0.0) + other.spent.max(0.0)).min(f64::MAX),
        }
    }
}

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Breaker {
    /// Calls are made.
    #[default]
    Closed,
    /// Too many calls failed, so none is made for a while.
    Open,
    /// One call probes whether the provider has recovered.
    HalfOpen,
}

/// The state of our account at the identification service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Account {
    /// Our key is refused: no new visitor is identified.
    Refused,
    /// No lookups are left: no new visitor is identified.
    Exhausted,
    /// It is accepted, or nothing is known. States that only another release knows are read as this one.
    #[default]
    #[serde(other)]
    Ok,
}

/// The figures of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayFigures {
    /// Sessions in its view.
    pub sessions: u64,
    /// Connected WebSocket clients.
    pub clients: u64,
}

/// The figures of a notifier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotifierFigures {
    /// Whether it is the one that sends messages.
    pub sends: bool,
    /// Arrivals that were announced.
    pub told: u64,
    /// Arrivals that wait for the receiver.
    pub waiting: u64,
    /// Arrivals given up.
    pub given_up: u64,
}

/// What keeps a gateway's view from being up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// It cannot read its streams: NATS is unreachable, a stream is missing, or it is not read up to its end.
    Streams,
    /// No ingestor reports, so events of the emitter may be lost.
    Ingestors,
    /// No enricher reports, so events wait in the queue.
    Enrichers,
    /// Everything is connected again, and the backlog is being processed.
    Backlog,
}

/// A part that is cut off. Until it is back, no session is removed as stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruption {
    /// The part.
    pub part: Part,
    /// When it was cut off.
    pub since: Timestamp,
}

/// A process that has vanished without reporting that it stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its kind.
    pub process: String,
    /// Which one of its kind.
    pub instance: String,
    /// When it sent its last status.
    pub since: Timestamp,
}

/// All processes that have reported recently.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pipeline {
    /// One status for each process, sorted by process and instance.
    pub processes: Vec<Status>,
    /// The lookups of the whole fleet, including enrichers that have exited.
    pub lookups: Lookups,
    /// Since when the fleet counts them. Absent if no enricher reports it; then they count since this gateway started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookups_since: Option<Timestamp>,
    /// The currency of the price per lookup (ISO 4217), where the operator names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Cow<'static, str>>,
    /// What keeps this gateway's view from being up to date; absent while nothing does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interruptions: Vec<Interruption>,
    /// Processes that vanished within the last hour and were not replaced; absent while there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}
