//! The name of a session.

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest guid accepted, in bytes.
pub const MAX_LEN: usize = 64;

/// A session's guid, in lower case: the third parties do not agree on the case, so it carries no meaning.
///
/// Made of letters, digits, `-` and `_` only, so that it can be a token of a NATS subject. Clones share the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(Arc<str>);

/// A map by session. Its hashes are seeded anew in each process, like the standard library's, and cost a fraction.
pub type GuidMap<T> = HashMap<Guid, T, foldhash::quality::RandomState>;

/// The text cannot name a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a guid is 1 to {MAX_LEN} letters, digits, '-' or '_'")]
pub struct InvalidGuid;

impl Guid {
    /// Checks and folds the case.
    ///
    /// # Errors
    /// Where the text is empty, too long or holds any other character.
    pub fn new(text: &str) -> Result<Self, InvalidGuid> {
        check(text)?;
        Ok(Self(if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            text.to_ascii_lowercase().into()
        } else {
            text.into()
        }))
    }

    /// The guid in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the text can name a session.
///
/// # Errors
/// Where the text is empty, too long or holds a character that a guid does not have.
pub fn check(text: &str) -> Result<(), InvalidGuid> {
    let fits = (1..=MAX_LEN).contains(&text.len());
    // Without an end at the first that does not fit, many are compared at once.
    let plain = text.bytes().fold(true, |plain, byte| {
        plain & (matches!(byte, b'-' | b'_') | byte.is_ascii_alphanumeric())
    });
    if fits && plain { Ok(()) } else { Err(InvalidGuid) }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(GuidVisitor)
    }
}

/// Takes the text as it lies in the message, so that it is copied once.
struct GuidVisitor;

impl Visitor<'_> for GuidVisitor {
    type Value = Guid;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a guid")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Guid, E> {
        Guid::new(text).map_err(E::custom)
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl std::fmt::Display for Guid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_carries_no_meaning() {
        assert_eq!(Guid::new("ABC-1"), Guid::new("abc-1"));
    }

    #[test]
    fn refuses_what_could_leave_its_subject_token() {
        for text in [
            "",
            "a.b",
            "a*",
            ">",
            "a b",
            "a\r\nX: y",
            "é",
            &"a".repeat(MAX_LEN + 1),
        ] {
            assert_eq!(Guid::new(text), Err(InvalidGuid), "{text:?}");
        }
    }

    #[test]
    fn serde_checks_too() {
        assert!(serde_json::from_str::<Guid>("\"a.b\"").is_err());
        assert_eq!(serde_json::from_str::<Guid>("\"AB\"").unwrap().as_str(), "ab");
    }
}
