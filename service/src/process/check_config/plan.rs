//! What a process would do, and what is found about it.

use std::path::PathBuf;

use url::Url;

use crate::client::tls::Identity;
use crate::streams::StreamKind;

/// What a process would do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What it does, one sentence each.
    pub does: Vec<String>,
    /// Notes on behaviour that may be unexpected, one sentence each. They are not problems.
    pub notes: Vec<String>,
    /// Problems in the configuration, one sentence each.
    pub problems: Vec<String>,
    /// The streams and buckets that it creates if they are missing.
    pub streams: Vec<StreamKind>,
    /// What it connects to besides NATS.
    pub reaches: Vec<Target>,
}

/// A server to connect to.
#[derive(Clone, Debug)]
pub struct Target {
    /// What it is, for people.
    pub name: String,
    /// Where it is. A connection to host and port is opened; no request is sent.
    pub url: Url,
    /// Certificates of additional trusted authorities.
    pub ca_file: Option<PathBuf>,
    /// The certificate that it is shown.
    pub identity: Option<Identity>,
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
