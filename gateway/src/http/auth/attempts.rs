//! Wrong tokens, by who has shown them: after too many, a pause.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use moka::sync::Cache;

use service::client_limit::client_key;

/// How many wrong tokens somebody may show before the pause.
pub const MOST: u32 = 10;

/// How long the pause is, and how long without a wrong token until all are forgotten.
pub const PAUSE: Duration = Duration::from_mins(1);

/// The most addresses that are remembered.
const CAPACITY: u64 = 100_000;

/// Who has shown wrong tokens lately, and how many. Clones share them.
#[derive(Clone)]
pub struct Attempts(Cache<IpAddr, u32>);

impl Attempts {
    /// Nobody has.
    pub fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(PAUSE)
                .build(),
        )
    }

    /// Whether the token that somebody shows is looked at.
    pub fn may(&self, peer: SocketAddr) -> bool {
        self.0.get(&client_key(peer)).is_none_or(|failed| failed < MOST)
    }

    /// Somebody has shown a wrong token.
    pub fn failed(&self, peer: SocketAddr) {
        self.0
            .entry(client_key(peer))
            .and_upsert_with(|before| before.map_or(1, |before| before.into_value().saturating_add(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_bring_a_pause_for_one_and_not_for_another() {
        let attempts = Attempts::new();
        let [one, another] = ["203.0.113.7:1", "203.0.113.8:1"].map(|peer| peer.parse().unwrap());
        for _ in 0..MOST {
            assert!(attempts.may(one));
            attempts.failed(one);
        }
        assert!(!attempts.may(one) && attempts.may(another));
    }
}
