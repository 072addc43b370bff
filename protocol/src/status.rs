//! How a process is: published each second on `visitor.status.<process>.<instance>`, shown as the `pipeline`.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// How often a process tells its status.
pub const INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// What a process says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Which process, with the figures of its kind.
    #[serde(flatten)]
    pub figures: Figures,
    /// Which one of its kind.
    pub instance: String,
    /// When this was said.
    pub at: Millis,
    /// When the process started.
    pub started_at: Millis,
    /// Whether it does its job now.
    pub ready: bool,
    /// Why not, in words.
    pub reason: Option<String>,
}

/// The figures of each kind of process; counts run since its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "process", rename_all = "lowercase")]
pub enum Figures {
    /// Reads the emitter.
    Ingestor(IngestorFigures),
    /// Finds out who visitors are.
    Enricher(EnricherFigures),
    /// Serves the view.
    Gateway(GatewayFigures),
}

impl Figures {
    /// The process's name, as in its subjects.
    #[must_use]
    pub const fn process(&self) -> &'static str {
        match self {
            Self::Ingestor(_) => "ingestor",
            Self::Enricher(_) => "enricher",
            Self::Gateway(_) => "gateway",
        }
    }
}

/// The figures of an ingestor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestorFigures {
    /// Whether the emitter's socket is open.
    pub emitter_connected: bool,
    /// How long the emitter has said nothing.
    pub emitter_silent_seconds: f64,
    /// Frames read.
    pub received: u64,
    /// Frames that could not be used.
    pub rejected: u64,
    /// Events that the raw stream has acknowledged.
    pub published: u64,
    /// Events that it has not acknowledged yet.
    pub waiting: u64,
    /// Events given up because too many were waiting.
    pub dropped: u64,
}

/// The figures of an enricher.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnricherFigures {
    /// Sessions that wait for a verdict.
    pub being_identified: u64,
    /// Events handled to their end.
    pub events_handled: u64,
    /// Messages in the raw stream that no enricher has taken yet.
    pub queue_waiting: u64,
    /// Calls to the Deanonymizer.
    pub lookups_paid: u64,
    /// Events answered without a call of their own.
    pub lookups_saved: u64,
    /// Calls that brought no verdict.
    pub lookups_failed: u64,
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

/// All processes heard of lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// One status for each process, sorted by process and instance.
    pub processes: Vec<Status>,
}
