//! What a browser gets for showing the token: a pass that says until when it holds, signed with the token. Pure.
//!
//! So no gateway need remember whom it let in, and each knows the passes of the others.

use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use protocol::Millis;
use protocol::time::millis;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

/// How long a pass holds.
pub const LIFETIME: Duration = Duration::from_hours(12);

/// Issues and checks passes.
#[derive(Clone)]
pub struct Passes(Hmac<Sha256>);

impl Passes {
    /// Signed with this token.
    pub fn new(token: &str) -> Self {
        Self(Hmac::new(&Sha512::digest(token)))
    }

    /// A pass from now on.
    pub fn issue(&self, now: Millis) -> String {
        self.signed(now.saturating_add(millis(LIFETIME)))
    }

    /// Whether this is a pass of ours that still holds. How long that takes to find out says nothing of the signature.
    pub fn holds(&self, pass: &str, now: Millis) -> bool {
        let until = pass.split_once('.').and_then(|(until, _)| until.parse().ok());
        until.is_some_and(|until| now < until && self.signed(until).as_bytes().ct_eq(pass.as_bytes()).into())
    }

    fn signed(&self, until: Millis) -> String {
        let mac = self.0.clone().chain_update(until.to_string()).finalize();
        let signature = Bytes::copy_from_slice(&mac.into_bytes());
        format!("{until}.{signature:x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Millis = 1_750_000_000_000;

    #[test]
    fn holds_for_its_lifetime_at_every_gateway_of_the_token() {
        let pass = Passes::new("sesame").issue(NOW);
        let another = Passes::new("sesame");
        assert!(another.holds(&pass, NOW));
        assert!(another.holds(&pass, NOW + millis(LIFETIME) - 1));
        assert!(!another.holds(&pass, NOW + millis(LIFETIME)));
        assert!(!Passes::new("Sesame").holds(&pass, NOW));
        assert!(!pass.contains("sesame"));
    }

    #[test]
    fn a_longer_life_cannot_be_had_by_asking() {
        let passes = Passes::new("sesame");
        let pass = passes.issue(NOW);
        let signature = pass.split_once('.').unwrap().1;
        assert!(!passes.holds(&format!("{}.{signature}", NOW + 2 * millis(LIFETIME)), NOW));
    }

    proptest! {
        #[test]
        fn nothing_else_is_a_pass(text in "[0-9]{0,20}\\.?[0-9a-f]{0,64}|\\PC{0,40}") {
            prop_assert!(!Passes::new("sesame").holds(&text, NOW));
        }
    }
}
