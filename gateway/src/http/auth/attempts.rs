//! Counts wrong tokens per address, and locks out an address that sends too many.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use moka::sync::Cache;

use service::client_limit::client_key;

/// Wrong tokens per address before it is locked out.
pub const MAX_ATTEMPTS: u32 = 10;

/// How long an address is locked out, and how long after the last wrong token all of them are forgotten.
pub const LOCKOUT: Duration = Duration::from_mins(1);

/// Maximum number of addresses that are remembered.
const CAPACITY: u64 = 100_000;

/// Wrong tokens per address. Clones share them.
#[derive(Clone)]
pub struct Attempts(Cache<IpAddr, u32>);

impl Attempts {
    /// Creates an empty table.
    pub fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(LOCKOUT)
                .build(),
        )
    }

    /// Whether tokens from this address are checked.
    pub fn are_allowed(&self, peer: SocketAddr) -> bool {
        self.0
            .get(&client_key(peer))
            .is_none_or(|failed| failed < MAX_ATTEMPTS)
    }

    /// Counts a wrong token.
    pub fn record(&self, peer: SocketAddr) {
        self.0
            .entry(client_key(peer))
            .and_upsert_with(|before| before.map_or(1, |before| before.into_value().saturating_add(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockout_is_per_address() {
        let attempts = Attempts::new();
        let [one, another] = ["203.0.113.7:1", "203.0.113.8:1"].map(|peer| peer.parse().unwrap());
        for _ in 0..MAX_ATTEMPTS {
            assert!(attempts.are_allowed(one));
            attempts.record(one);
        }
        assert!(!attempts.are_allowed(one) && attempts.are_allowed(another));
    }
}
