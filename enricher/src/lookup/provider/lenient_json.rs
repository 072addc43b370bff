//! Reads JSON in which a value is faulty that perhaps nobody needs: a lone surrogate or a number out of range. Pure.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, IgnoredAny};

/// Reads JSON, with or without a byte order mark. If its syntax cannot be read, reads it again without lone surrogates and numbers out of range.
///
/// # Errors
/// Fails if both attempts do.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    let json = without_bom(json);
    match serde_json::from_slice(json) {
        Err(error) if error.is_syntax() => match repaired(json) {
            Cow::Owned(repaired) => serde_json::from_slice(&repaired),
            Cow::Borrowed(_) => Err(error),
        },
        read => read,
    }
}

/// The text behind a byte order mark, if there is one: RFC 8259 section 8.1 forbids it and lets readers skip it.
fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Replaces escapes of lone surrogates (RFC 8259 section 8.2) by that of U+FFFD, and numbers that no `f64` can hold by
/// `null`. Everything else stays as it is, valid or not.
fn repaired(json: &[u8]) -> Cow<'_, [u8]> {
    let mut repaired = Vec::with_capacity(json.len());
    let (mut rest, mut in_text, mut changed) = (json, false, false);
    while let Some(&first) = rest.first() {
        let (length, replacement): (usize, Option<&[u8]>) = match (in_text, first) {
            (true, b'\\') => escape(rest),
            (false, b'-' | b'0'..=b'9') => number(rest),
            _ => (1, None),
        };
        in_text ^= first == b'"';
        changed |= replacement.is_some();
        let (token, after) = rest.split_at(length.min(rest.len()));
        repaired.extend_from_slice(replacement.unwrap_or(token));
        rest = after;
    }
    if changed {
        Cow::Owned(repaired)
    } else {
        Cow::Borrowed(json)
    }
}

/// The length of the escape, or of a surrogate pair of two, and its replacement if it is a lone surrogate.
fn escape(rest: &[u8]) -> (usize, Option<&'static [u8]>) {
    match code_unit(rest) {
        None => (2, None),
        Some(0xd800..=0xdbff) if matches!(code_unit(&rest[6..]), Some(0xdc00..=0xdfff)) => (12, None),
        Some(0xd800..=0xdfff) => (6, Some(br"\ufffd")),
        Some(_) => (6, None),
    }
}

/// The code unit of the escape `\uXXXX` at the beginning.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    let digits = str::from_utf8(digits)
        .ok()
        .filter(|text| !text.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

/// The length of the number, and its replacement if it is valid but out of range.
fn number(rest: &[u8]) -> (usize, Option<&'static [u8]>) {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let length = rest.iter().take_while(|byte| is_part(byte)).count();
    let number = &rest[..length];
    let is_out_of_range = serde_json::from_slice::<IgnoredAny>(number).is_ok()
        && serde_json::from_slice::<f64>(number).is_err();
    (length, is_out_of_range.then_some(b"null"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn value(json: &str) -> Option<Value> {
        read(json.as_bytes()).ok()
    }

    fn escaped(units: &[u16]) -> String {
        let escapes: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04X}")).collect();
        format!("\"{}\"", escapes.concat())
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        for (text, read) in [
            (r#""x\ud800""#, "x\u{fffd}"),
            (r#""\uDC00y""#, "\u{fffd}y"),
            (r#""\ud800\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud800A""#, "\u{fffd}A"),
            (r#""\\ud800\udfff""#, "\\ud800\u{fffd}"),
        ] {
            assert_eq!(value(text), Some(json!(read)), "{text}");
        }
        assert_eq!(value(r#"{"a\ud800":1}"#), Some(json!({ "a\u{fffd}": 1 })));
    }

    #[test]
    fn numbers_out_of_range_are_null() {
        let json = r#"{"a":1e999,"b":[-1E+400, 7],"c":"1e999","d":1e-999}"#;
        let read = json!({ "a": null, "b": [null, 7], "c": "1e999", "d": 0.0 });
        assert_eq!(value(json), Some(read));
        let digits = "9".repeat(400);
        assert_eq!(value(&format!("[{digits}]")), Some(json!([null])));
    }

    #[test]
    fn what_is_not_json_stays_so() {
        for text in [
            "",
            "\"",
            r#""\ud8"#,
            r#""\ud800"#,
            r#""\ud800\"#,
            r#""\ud800\u+c00""#,
            "[01e999]",
            "[+1e999]",
            "[1.e999]",
            "1e999e1",
            "[1e999",
            "\u{1}",
            "<html>",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            r#"(\\|"|ud800|1e999){0,4}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn valid_json_is_not_changed(json in any_json()) {
            let text = json.to_string();
            prop_assert!(matches!(repaired(text.as_bytes()), Cow::Borrowed(_)));
        }

        #[test]
        fn escaped_texts_are_not_changed(text in any::<String>()) {
            let units: Vec<u16> = text.encode_utf16().collect();
            prop_assert!(matches!(repaired(escaped(&units).as_bytes()), Cow::Borrowed(_)));
        }

        #[test]
        fn code_units_are_read_as_utf_16(
            units in prop::collection::vec(prop_oneof![any::<u16>(), 0xd7fe..0xe002_u16], 0..8)
        ) {
            prop_assert_eq!(value(&escaped(&units)), Some(json!(String::from_utf16_lossy(&units))));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..64), text in r#"["\\ud8c0e9.+-]{0,24}"#) {
            let _ = read::<Value>(&bytes);
            let _ = read::<Value>(text.as_bytes());
        }
    }
}
