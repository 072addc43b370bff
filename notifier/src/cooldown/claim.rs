//! What the bucket says about one company: an arrival waits to be announced, or was announced.

use std::fmt::Write as _;
use std::time::Duration;

use protocol::guid::Identity;
use protocol::time::millis;
use protocol::{Company, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::arrivals::arrival::Arrival;

/// How long an arrival waits for a receiver that fails.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(1);

/// How long an expired claim is kept, so that a notifier that lags behind still finds it.
const MARGIN: Duration = Duration::from_mins(10);

/// A company, as a key of the bucket. It reveals no name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompanyKey(Box<str>);

impl CompanyKey {
    /// The key of a company: by its GUID in any spelling, or by its domain if it has none.
    #[must_use]
    pub fn of(company: &Company) -> Self {
        let name = if company.guid.trim().is_empty() {
            format!("domain:{}", company.domain.trim().to_lowercase())
        } else {
            match Identity::of(&company.guid) {
                Identity::Uuid(uuid) => format!("uuid:{uuid}"),
                Identity::Text(text) => format!("text:{text}"),
            }
        };
        let mut key = String::new();
        for byte in &Sha256::digest(name)[..16] {
            // Writing to a string cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        Self(key.into())
    }

    /// Parses a key of the bucket.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.into()))
    }

    /// The name in the bucket.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The state of a company's arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum State {
    /// It waits to be announced.
    Waiting {
        /// What to announce.
        arrival: Box<Arrival>,
        /// The notifier that has begun to send it, if one has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sender: Option<String>,
    },
    /// It was announced.
    #[serde(rename = "told")]
    Announced {
        /// When it was announced.
        at: Timestamp,
    },
}

/// The fleet's claim on a company. There is at most one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The id of the arrival in messages, by which a receiver recognizes a repetition.
    pub id: String,
    /// When the company was claimed.
    pub claimed_at: Timestamp,
    /// Its state.
    #[serde(flatten)]
    pub state: State,
}

impl Claim {
    /// Claims a company for an arrival.
    #[must_use]
    pub fn new(arrival: Arrival, now: Timestamp) -> Self {
        let name = format!("{} {}", arrival.guid, arrival.seen_at);
        Self {
            id: format!(
                "arrival_{}",
                uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).simple()
            ),
            claimed_at: now,
            state: State::Waiting {
                arrival: Box::new(arrival),
                sender: None,
            },
        }
    }

    /// The same claim after its arrival was announced.
    #[must_use]
    pub fn announced(&self, now: Timestamp) -> Self {
        Self {
            state: State::Announced { at: now },
            ..self.clone()
        }
    }

    /// The arrival, if it is still waiting.
    #[must_use]
    pub fn waiting(&self) -> Option<&Arrival> {
        match &self.state {
            State::Waiting { arrival, .. } => Some(arrival),
            State::Announced { .. } => None,
        }
    }

    /// Whether an arrival that was seen at that time needs no message of its own.
    #[must_use]
    pub fn covers(&self, seen_at: Timestamp, cooldown: Duration) -> bool {
        match self.state {
            State::Waiting { .. } => true,
            State::Announced { at } => seen_at < at + cooldown,
        }
    }

    /// How long the bucket keeps it; `None` if it has expired.
    #[must_use]
    pub fn ttl(&self, now: Timestamp, cooldown: Duration) -> Option<Duration> {
        let until = match self.state {
            State::Waiting { .. } => self.claimed_at + GIVE_UP_AFTER,
            State::Announced { at } => at + cooldown,
        };
        let left = u64::try_from(until + MARGIN - now).ok()?;
        (left >= 1_000).then(|| Duration::from_millis(left))
    }

    /// Whether the arrival has waited long enough for the receiver.
    #[must_use]
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        self.waiting().is_some() && now - self.claimed_at >= millis(GIVE_UP_AFTER)
    }
}
