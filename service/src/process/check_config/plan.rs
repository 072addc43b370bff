//! What a process would do, and what is found about it.

use url::Url;

use crate::streams::StreamKind;

/// What a process would do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What it does, one sentence each.
    pub does: Vec<String>,
    /// What others may not expect, one sentence each. It is no problem.
    pub notes: Vec<String>,
    /// What cannot work, one sentence each.
    pub problems: Vec<String>,
    /// The streams and buckets that it creates if they are missing.
    pub streams: Vec<StreamKind>,
    /// What it connects to besides NATS.
    pub reaches: Vec<Target>,
}

/// Somebody to connect to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Who it is.
    pub name: String,
    /// Where it is. Only the host and the port are connected to; nothing is asked.
    pub url: Url,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Ok(String),
    Note(String),
    Problem(String),
}

impl Finding {
    pub(super) fn line(&self) -> String {
        match self {
            Self::Ok(text) => format!("  ok       {text}"),
            Self::Note(text) => format!("  note     {text}"),
            Self::Problem(text) => format!("  problem  {text}"),
        }
    }
}
