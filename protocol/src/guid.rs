//! The name of a session.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// The longest guid accepted, in bytes.
pub const MAX_LEN: usize = 64;

/// A session's guid, in lower case: the third parties do not agree on the case, so it carries no meaning.
///
/// Made of letters, digits, `-` and `_` only, so that it can be a token of a NATS subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guid(Name);

/// There is one for each session in several places, and one is compared for each event: so those that look as all should
/// are kept as the number that they are, in a quarter of the memory and without a place of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Uuid(Uuid),
    /// Any other text.
    Text(Arc<str>),
}

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
        // A UUID can be written in other ways too; those are other texts.
        if text.len() == Hyphenated::LENGTH
            && let Ok(uuid) = Uuid::try_parse(text)
        {
            return Ok(Self(Name::Uuid(uuid)));
        }
        check(text)?;
        Ok(Self(Name::Text(text.to_ascii_lowercase().into())))
    }

    /// Does something with the text in lower case.
    fn with_text<T>(&self, f: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Name::Uuid(uuid) => f(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            Name::Text(text) => f(text),
        }
    }
}

impl Hash for Guid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            // As one number it takes one step.
            Name::Uuid(uuid) => uuid.as_u128().hash(state),
            Name::Text(text) => text.hash(state),
        }
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

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a guid")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Guid, E> {
        Guid::new(text).map_err(E::custom)
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.debug_tuple("Guid").field(&text).finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_carries_no_meaning() {
        for (upper, lower) in [
            ("ABC-1", "abc-1"),
            (
                "B8E8879E-3382-4908-8F1E-7638473D0913",
                "b8e8879e-3382-4908-8f1e-7638473d0913",
            ),
        ] {
            assert_eq!(Guid::new(upper), Guid::new(lower));
            assert_eq!(Guid::new(upper).unwrap().to_string(), lower);
        }
    }

    #[test]
    fn every_way_to_write_a_uuid_is_a_name_of_its_own() {
        let hyphenated = "b8e8879e-3382-4908-8f1e-7638473d0913";
        let odd = "b8e8879e33824908-8f1e-7638473d0913--";
        for text in [hyphenated, odd, &hyphenated.replace('-', "")] {
            assert_eq!(Guid::new(text).unwrap().to_string(), text);
            assert_eq!(
                serde_json::to_string(&Guid::new(text).unwrap()).unwrap(),
                format!("{text:?}")
            );
        }
        assert_eq!(Guid::new(&format!("{{{}}}", &hyphenated[2..])), Err(InvalidGuid));
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
        assert_eq!(serde_json::from_str::<Guid>("\"AB\"").unwrap().to_string(), "ab");
    }
}
