//! How a view differs from what is expected.

use std::fmt;

use anyhow::{Result, bail};

/// The number of differences that an error names.
const MAX_NAMED: usize = 5;

/// A difference between a view and the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A session is not shown.
    Missing(String),
    /// A session is shown that should not be.
    Ghost(String),
    /// A session is shown that should be, but with wrong content.
    Wrong {
        /// The session.
        guid: String,
        /// The wrong field.
        what: &'static str,
        /// The shown and the expected value.
        detail: String,
    },
}

impl Difference {
    /// The session.
    #[must_use]
    pub fn guid(&self) -> &str {
        match self {
            Self::Missing(guid) | Self::Ghost(guid) | Self::Wrong { guid, .. } => guid,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(guid) => write!(f, "{guid} is missing"),
            Self::Ghost(guid) => write!(f, "{guid} is a ghost"),
            Self::Wrong { guid, what, detail } => write!(f, "{guid} has a wrong {what}: {detail}"),
        }
    }
}

/// Passes when there are no differences.
///
/// # Errors
/// Fails with the number of differences and the first few of them.
pub fn check(differences: &[Difference]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = differences
        .iter()
        .take(MAX_NAMED)
        .map(ToString::to_string)
        .collect();
    bail!("{} differences: {}", differences.len(), named.join("; "))
}
