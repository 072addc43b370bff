//! Keyed hashes of addresses, and the secret that the fleet agrees on for them. Pure.

use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use hmac::{Hmac, KeyInit as _, Mac as _};
use protocol::Timestamp;
use protocol::ip::IpKey;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The key of an address in caches, the same for all its spellings; see [`AddressHasher::key`].
///
/// It is a keyed hash, because a key of the bucket is a subject, and no subject may hold the address of a visitor of a
/// hidden company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u128);

impl Key {
    /// Takes half of the digest, which is enough.
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        Self(
            digest[..16]
                .iter()
                .fold(0, |key, byte| key << 8 | u128::from(*byte)),
        )
    }

    /// Parses the form that [`Key::text`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 32)
            .then(|| u128::from_str_radix(text, 16).ok().map(Self))
            .flatten()
    }

    /// The key as it is written in the bucket.
    pub fn text(self) -> String {
        let mut text = String::with_capacity(32);
        // Writing to a string cannot fail.
        let _ = write!(text, "{:032x}", self.0);
        text
    }
}

/// The fleet's secret (ADR 20). Secrets are ordered by age, because the fleet keeps the older of two secrets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// When an enricher generated it.
    made_at: Timestamp,
    key: [u8; 32],
}

impl Secret {
    /// Creates a secret with this key, which must come from a cryptographically secure generator.
    pub fn new(key: [u8; 32], made_at: Timestamp) -> Self {
        Self { made_at, key }
    }

    fn mac(&self) -> Hmac<Sha256> {
        // HMAC accepts keys of any length.
        Hmac::new_from_slice(&self.key)
            .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
    }
}

/// Omits the key, which must not appear in any log.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}

/// What to do about the enricher's own secret and the one in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Keep the secret: both are the same.
    Keep,
    /// Adopt the secret in the bucket.
    Adopt(Secret),
    /// Write the enricher's own secret into the bucket.
    Write,
}

/// Compares the two secrets. A secret that has not been used yet always gives way.
pub fn agree(own: Secret, in_use: bool, stored: Option<Secret>) -> Agreement {
    match stored {
        None => Agreement::Write,
        Some(stored) if stored == own => Agreement::Keep,
        Some(stored) if in_use && own < stored => Agreement::Write,
        Some(stored) => Agreement::Adopt(stored),
    }
}

/// Hashes addresses with the fleet's secret. Clones share it.
#[derive(Clone, Debug)]
pub struct AddressHasher {
    state: Arc<RwLock<State>>,
}

struct State {
    secret: Secret,
    in_use: bool,
    mac: Hmac<Sha256>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.secret.fmt(f)
    }
}

impl AddressHasher {
    /// A hasher with a secret that the fleet has not agreed on yet.
    pub fn new(secret: Secret) -> Self {
        let state = State {
            secret,
            in_use: false,
            mac: secret.mac(),
        };
        Self {
            state: Arc::new(RwLock::new(state)),
        }
    }

    /// The key of an address, the same for all its spellings.
    pub fn key(&self, ip: &str) -> Key {
        Key::from_digest(&self.digest(b"address", IpKey::new(ip).as_str().as_bytes()))
    }

    /// The keyed hash of something other than an address; `kind` names it.
    pub fn digest(&self, kind: &[u8], text: &[u8]) -> [u8; 32] {
        let mac = self.read().mac.clone();
        mac.chain_update(kind)
            .chain_update([0])
            .chain_update(text)
            .finalize()
            .into_bytes()
            .into()
    }

    /// The secret, and whether the fleet has agreed on it.
    pub fn secret(&self) -> (Secret, bool) {
        let state = self.read();
        (state.secret, state.in_use)
    }

    /// The fleet has agreed on this secret. Returns whether keys that were made before are now invalid.
    pub fn agreed(&self, secret: Secret) -> bool {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = state.in_use && state.secret != secret;
        *state = State {
            secret,
            in_use: true,
            mac: secret.mac(),
        };
        replaced
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::time::unix_ms;

    fn hasher(byte: u8) -> AddressHasher {
        AddressHasher::new(Secret::new([byte; 32], unix_ms(1)))
    }

    #[test]
    fn key_round_trips_through_text() {
        let key = Key::from_digest(&[0x7f; 32]);
        assert!(key.text().bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(Key::parse(&key.text()), Some(key));
        assert_eq!(Key::parse("budget"), None);
    }

    #[test]
    fn spellings_of_one_address_share_a_key() {
        let hasher = hasher(1);
        assert_eq!(hasher.key("2001:DB8::0001"), hasher.key("2001:db8:0:0:0:0:0:1"));
        assert_ne!(hasher.key("203.0.113.7"), hasher.key("203.0.113.8"));
    }

    #[test]
    fn key_depends_on_the_secret() {
        assert_ne!(hasher(1).key("203.0.113.7"), hasher(2).key("203.0.113.7"));
    }

    #[test]
    fn secret_is_never_logged() {
        let (secret, hasher) = (Secret::new([211; 32], unix_ms(1)), hasher(211));
        for text in [
            format!("{secret:?}"),
            format!("{hasher:?}"),
            format!("{hasher:#?}"),
        ] {
            assert!(!text.contains("211"), "{text}");
        }
    }

    #[test]
    fn wire_form_is_frozen() {
        let json = serde_json::to_string(&Secret::new([7; 32], unix_ms(5))).unwrap();
        let sevens = ["7"; 32].join(",");
        assert_eq!(json, format!(r#"{{"madeAt":5,"key":[{sevens}]}}"#));
        assert_eq!(
            serde_json::from_str::<Secret>(&json).unwrap(),
            Secret::new([7; 32], unix_ms(5))
        );
    }

    #[test]
    fn keys_of_a_replaced_secret_are_useless() {
        let hasher = hasher(1);
        assert!(
            !hasher.agreed(Secret::new([2; 32], unix_ms(1))),
            "nothing was hashed before"
        );
        assert!(!hasher.agreed(Secret::new([2; 32], unix_ms(1))));
        assert!(hasher.agreed(Secret::new([3; 32], unix_ms(0))));
        assert_eq!(hasher.secret(), (Secret::new([3; 32], unix_ms(0)), true));
    }

    /// One enricher after another looks at the bucket, as often as the steps say.
    fn settle(mut enrichers: Vec<(Secret, bool)>, steps: &[usize]) -> (Option<Secret>, Vec<(Secret, bool)>) {
        let mut stored = None;
        let count = enrichers.len();
        for step in steps.iter().copied().chain((0..count).cycle().take(3 * count)) {
            let (secret, in_use) = &mut enrichers[step % count];
            match agree(*secret, *in_use, stored) {
                Agreement::Keep => {}
                Agreement::Adopt(other) => *secret = other,
                Agreement::Write => stored = Some(*secret),
            }
            *in_use = true;
        }
        (stored, enrichers)
    }

    proptest! {
        #[test]
        fn fleet_agrees_on_one_secret(made_at: Vec<i8>, in_use: Vec<bool>, steps: Vec<usize>) {
            prop_assume!(!made_at.is_empty());
            let enrichers: Vec<_> = made_at
                .iter()
                .enumerate()
                .map(|(n, at)| {
                    let used = in_use.get(n).copied().unwrap_or_default();
                    (Secret::new([u8::try_from(n % 256).unwrap(); 32], unix_ms((*at).into())), used)
                })
                .collect();
            let oldest_in_use = enrichers.iter().filter(|(_, used)| *used).map(|(secret, _)| *secret).min();
            let (stored, enrichers) = settle(enrichers, &steps);
            let stored = stored.unwrap();
            prop_assert!(enrichers.iter().all(|(secret, _)| *secret == stored));
            if let Some(oldest) = oldest_in_use {
                prop_assert!(stored <= oldest);
            }
        }
    }
}
