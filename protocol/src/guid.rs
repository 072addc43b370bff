//! Session GUIDs, and the comparison of the GUIDs of companies and contacts.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;
use uuid::fmt::{Hyphenated, Simple};

/// The longest guid accepted, in bytes.
pub const MAX_LEN: usize = 64;

/// A session's guid. A UUID is the same in every spelling (see [`uuid`]); any other text is compared in lower case and
/// without surrounding blanks.
///
/// Its text consists only of letters, digits, `-` and `_`, so that it can be a token of a NATS subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guid(Name);

/// There is one for each session in several places, and one is compared for each event. So UUIDs are stored as numbers,
/// which takes a quarter of the memory and no allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Uuid(Uuid),
    /// Any other text.
    Text(Arc<str>),
}

/// A map by session. Its hasher is seeded at random in each process, like the standard library's, and is much faster.
pub type GuidMap<T> = HashMap<Guid, T, foldhash::quality::RandomState>;

/// The text is not a valid guid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a guid is 1 to {MAX_LEN} letters, digits, '-' or '_'")]
pub struct InvalidGuid;

impl Guid {
    /// Parses a guid in any spelling.
    ///
    /// # Errors
    /// Fails if the text is not a UUID and is empty, too long or contains any other character.
    pub fn new(text: &str) -> Result<Self, InvalidGuid> {
        if let Some(uuid) = uuid(text) {
            return Ok(Self(Name::Uuid(uuid)));
        }
        let text = text.trim();
        if !is_token(text) {
            return Err(InvalidGuid);
        }
        Ok(Self(Name::Text(text.to_ascii_lowercase().into())))
    }

    /// Calls a function with the text in lower case.
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
            // Hashing one number takes one step.
            Name::Uuid(uuid) => uuid.as_u128().hash(state),
            Name::Text(text) => text.hash(state),
        }
    }
}

/// Checks that the text is a valid guid.
///
/// # Errors
/// Fails if the text is not a UUID and is empty, too long or contains a character that a guid cannot contain.
pub fn check(text: &str) -> Result<(), InvalidGuid> {
    if is_token(text) || is_token(text.trim()) || uuid(text).is_some() {
        Ok(())
    } else {
        Err(InvalidGuid)
    }
}

/// Whether the text can be one token of a NATS subject.
fn is_token(text: &str) -> bool {
    // Without an early exit, the compiler can compare many characters at once.
    let plain = text.bytes().fold(true, |plain, byte| {
        plain & (matches!(byte, b'-' | b'_') | byte.is_ascii_alphanumeric())
    });
    (1..=MAX_LEN).contains(&text.len()) && plain
}

/// The longest spelling of a UUID that is read, in bytes.
const MAX_UUID_SPELLING: usize = 160;

/// The UUID that the text spells: in any case, with or without its hyphens, in braces, parentheses or quotes, after
/// `urn:uuid:`, in the hexadecimal form of .NET (`{0x…,0x…,0x…,{0x…}}`), with blanks or invisible characters.
#[must_use]
pub fn uuid(text: &str) -> Option<Uuid> {
    // The usual spelling is checked first.
    if text.len() == Hyphenated::LENGTH
        && let Ok(uuid) = Uuid::try_parse(text)
    {
        return Some(uuid);
    }
    if !(Simple::LENGTH..=MAX_UUID_SPELLING).contains(&text.len()) {
        return None;
    }
    let mut rest = text.trim_matches(is_decoration);
    for prefix in ["urn:", "uuid:", "guid:"] {
        if let Some((start, end)) = rest.split_at_checked(prefix.len())
            && start.eq_ignore_ascii_case(prefix)
        {
            rest = end.trim_start_matches(is_decoration);
        }
    }
    grouped_digits(rest)
}

/// Characters that may surround a UUID or separate its groups: anything that is neither letter nor digit.
fn is_decoration(c: char) -> bool {
    !c.is_alphanumeric()
}

/// Invisible characters: soft hyphen, zero-width characters, direction marks, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Where the groups of the known spellings end, as a bit per number of digits: all in one, by RFC 9562, and .NET's.
const GROUPINGS: [u64; 3] = [
    1 << 32,
    1 << 8 | 1 << 12 | 1 << 16 | 1 << 20 | 1 << 32,
    1 << 8
        | 1 << 12
        | 1 << 16
        | 1 << 18
        | 1 << 20
        | 1 << 22
        | 1 << 24
        | 1 << 26
        | 1 << 28
        | 1 << 30
        | 1 << 32,
];

/// 32 hexadecimal digits, grouped as in one of the known spellings.
fn grouped_digits(text: &str) -> Option<Uuid> {
    let (mut value, mut digits, mut grouping) = (0_u128, 0_u32, 0_u64);
    let mut at_group_start = true;
    let mut chars = text.chars().filter(|c| !is_invisible(*c)).peekable();
    while let Some(c) = chars.next() {
        if is_decoration(c) {
            grouping |= 1 << digits;
            at_group_start = true;
            continue;
        }
        if at_group_start && c == '0' && chars.next_if(|next| matches!(next, 'x' | 'X')).is_some() {
            at_group_start = false;
            continue;
        }
        if digits == 32 {
            return None;
        }
        value = value << 4 | u128::from(c.to_digit(16)?);
        digits += 1;
        at_group_start = false;
    }
    (digits == 32 && GROUPINGS.contains(&(grouping | 1 << 32))).then(|| Uuid::from_u128(value))
}

/// The key by which GUIDs of companies and contacts are compared: a UUID as a number, any other text without regard to
/// case and surrounding blanks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// A UUID in any spelling.
    Uuid(Uuid),
    /// Any other text, in lower case.
    Text(Box<str>),
}

impl Identity {
    /// The identity of the text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        uuid(text).map_or_else(
            || Self::Text(text.trim().to_lowercase().into_boxed_str()),
            Self::Uuid,
        )
    }
}

/// The spelling in which a GUID is passed on: hyphenated and in lower case for a UUID, otherwise as it is, without the
/// blanks around it.
#[must_use]
pub fn canonical(text: &str) -> String {
    uuid(text).map_or_else(|| text.trim().to_owned(), |uuid| uuid.hyphenated().to_string())
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(GuidVisitor)
    }
}

/// Deserializes from borrowed text, so that it is copied only once.
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
    use proptest::prelude::*;

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

    const HYPHENATED: &str = "b8e8879e-3382-4908-8f1e-7638473d0913";

    /// Spellings of the UUID, other than the usual one.
    fn spellings(uuid: Uuid) -> Vec<String> {
        let (a, b, c, d) = uuid.as_fields();
        let bytes: Vec<_> = d.iter().map(|byte| format!("0x{byte:02x}")).collect();
        let (hyphenated, simple) = (uuid.hyphenated().to_string(), uuid.simple().to_string());
        vec![
            hyphenated.to_uppercase(),
            simple.to_uppercase(),
            uuid.urn().to_string(),
            format!("URN:UUID:{}", hyphenated.to_uppercase()),
            format!("uuid:{simple}"),
            format!("{{{hyphenated}}}"),
            format!("{{{simple}}}"),
            format!("({hyphenated})"),
            format!("urn:uuid:{{{hyphenated}}}"),
            format!("\u{feff} {{ {hyphenated}\t}}\r\n"),
            format!("\"{hyphenated}\""),
            hyphenated.replace('-', "\u{2010}"),
            hyphenated.replace('-', "_"),
            format!("{}\u{200b}{}", &hyphenated[..3], &hyphenated[3..]),
            format!("{{0x{a:08x},0x{b:04x},0x{c:04x},{{{}}}}}", bytes.join(",")),
            hyphenated,
            simple,
        ]
    }

    #[test]
    fn uuid_means_the_same_in_every_spelling() {
        let uuid = Uuid::try_parse(HYPHENATED).unwrap();
        for text in spellings(uuid) {
            assert_eq!(super::uuid(&text), Some(uuid), "{text:?}");
            assert_eq!(check(&text), Ok(()), "{text:?}");
            assert_eq!(Guid::new(&text).unwrap().to_string(), HYPHENATED);
            assert_eq!(Identity::of(&text), Identity::Uuid(uuid));
            assert_eq!(canonical(&text), HYPHENATED);
        }
    }

    #[test]
    fn other_texts_are_no_uuids() {
        for text in [
            "",
            "banana",
            "b8e8879e-3382-4908-8f1e-7638473d091",
            "b8e8879e-3382-4908-8f1e-7638473d09133",
            "b8e8879e33824908-8f1e-7638473d0913--",
            "b8e8-879e3382-4908-8f1e-7638473d0913",
            "g8e8879e-3382-4908-8f1e-7638473d0913",
            "--------------------------------",
        ] {
            assert_eq!(super::uuid(text), None, "{text}");
        }
    }

    #[test]
    fn guids_that_are_no_uuids_keep_their_text() {
        for (text, lower) in [
            ("visitor_7", "visitor_7"),
            (" ABC-1\n", "abc-1"),
            (
                "B8E8879E33824908-8f1e-7638473d0913--",
                "b8e8879e33824908-8f1e-7638473d0913--",
            ),
        ] {
            assert_eq!(check(text), Ok(()));
            assert_eq!(Guid::new(text).unwrap().to_string(), lower);
        }
        assert_eq!(Identity::of(" Nexa "), Identity::of("nexa"));
        assert_ne!(Identity::of("nexa"), Identity::of("vertex"));
        assert_eq!(canonical(" Nexa "), "Nexa");
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

    proptest! {
        #[test]
        fn every_spelling_of_a_uuid_is_one_guid(value: u128, other: u128) {
            let (uuid, other) = (Uuid::from_u128(value), Uuid::from_u128(other));
            let usual = Guid::new(&uuid.to_string()).unwrap();
            for text in spellings(uuid) {
                prop_assert_eq!(&Guid::new(&text).unwrap(), &usual, "{:?}", text);
                prop_assert_eq!(Identity::of(&text) == Identity::of(&other.to_string()), uuid == other);
            }
        }

        #[test]
        fn a_guid_accepted_is_a_token_and_reads_back(text in "\\PC{0,48}") {
            prop_assert_eq!(check(&text).is_ok(), Guid::new(&text).is_ok());
            if let Ok(guid) = Guid::new(&text) {
                prop_assert!(is_token(&guid.to_string()));
                prop_assert_eq!(Guid::new(&guid.to_string()), Ok(guid));
            }
        }
    }
}
