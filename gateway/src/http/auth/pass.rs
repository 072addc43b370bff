//! A pass is what a browser gets in exchange for the token: an expiry, signed with the token. Pure.
//!
//! The gateway stores no passes, and each gateway accepts the passes of the others. The signed cookies of axum-extra do not
//! replace this: they carry no expiry, and of several cookies with one name they read only the last.

use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use protocol::Timestamp;
use protocol::time::millis;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

/// How long a pass is valid.
pub const LIFETIME: Duration = Duration::from_hours(12);

/// Issues and checks passes.
#[derive(Clone)]
pub struct Passes(Hmac<Sha256>);

impl Passes {
    /// Signs with this token.
    pub fn new(token: &str) -> Self {
        Self(Hmac::new(&Sha512::digest(token)))
    }

    /// A pass that is valid from now on.
    pub fn issue(&self, now: Timestamp) -> String {
        self.signed(now.saturating_add(millis(LIFETIME)))
    }

    /// Whether the pass is signed with our token and has not expired. The time that the check takes does not depend on the
    /// signature.
    pub fn is_valid(&self, pass: &str, now: Timestamp) -> bool {
        let until = pass.split_once('.').and_then(|(until, _)| until.parse().ok());
        let until = until.map(Timestamp::from_unix_ms);
        until.is_some_and(|until| now < until && self.signed(until).as_bytes().ct_eq(pass.as_bytes()).into())
    }

    fn signed(&self, until: Timestamp) -> String {
        let mac = self.0.clone().chain_update(until.to_string()).finalize();
        let signature = Bytes::copy_from_slice(&mac.into_bytes());
        format!("{until}.{signature:x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);

    #[test]
    fn valid_for_its_lifetime_at_every_gateway_with_the_token() {
        let pass = Passes::new("sesame").issue(NOW);
        let another = Passes::new("sesame");
        assert!(another.is_valid(&pass, NOW));
        assert!(another.is_valid(&pass, NOW + LIFETIME - 1));
        assert!(!another.is_valid(&pass, NOW + LIFETIME));
        assert!(!Passes::new("Sesame").is_valid(&pass, NOW));
        assert!(!pass.contains("sesame"));
    }

    #[test]
    fn rejects_a_changed_expiry() {
        let passes = Passes::new("sesame");
        let pass = passes.issue(NOW);
        let signature = pass.split_once('.').unwrap().1;
        assert!(!passes.is_valid(&format!("{}.{signature}", NOW + 2 * LIFETIME), NOW));
    }

    proptest! {
        #[test]
        fn rejects_anything_else(text in "[0-9]{0,20}\\.?[0-9a-f]{0,64}|\\PC{0,40}") {
            prop_assert!(!Passes::new("sesame").is_valid(&text, NOW));
        }
    }
}
