//! Mutations of an input: random changes of its bytes, and targeted changes of its JSON.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::input::Input;

/// Texts that programs behind us may interpret, or that reach or exceed our length limits.
const ODD_TEXTS: &[&str] = &[
    "",
    "\u{0}",
    "\r\nVisitor-Received-At: 1",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "../../etc/passwd",
    "visitor.>",
    "*",
    "{{7*7}}",
    "=1+1",
    "\u{202e}txt.exe",
    "ada@gmail.com",
    "\"ada q\"@gmail.com",
    "Ada <ADA@Mail.Yahoo.co.uk.>",
    "b8e8879e-3382-4908-8f1e-7638473d0913",
    "session-opened",
    "session-closed",
    "snapshot",
    "2025-06-15T12:00:00.000Z",
    "-009999-01-02T01:59:59Z",
    "::1",
];

/// Bytes that mean something to a parser.
const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b",",
    b":",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"-1",
    b"1e999",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"\xef\xbb\xbf",
    b"\"guid\":\"a\",",
    b"\"event\":\"keep-alive\",",
];

/// A mutation of an input.
#[derive(Clone, Debug)]
pub enum Mutation {
    /// Truncates the input there.
    Cut(Index),
    /// Replaces the byte there.
    Byte(Index, u8),
    /// Inserts bytes there.
    Insert(Index, Vec<u8>),
    /// Removes the bytes between the two positions.
    Remove(Index, Index),
    /// Continues from there with the bytes of another input.
    Splice(Index, Input),
    /// Replaces a value of its JSON. An input that is not JSON stays as it is.
    Value(Index, Value),
}

/// Up to a few mutations.
pub fn some_of(corpus: Vec<Input>) -> impl Strategy<Value = Vec<Mutation>> {
    let token = select(TOKENS).prop_map(<[u8]>::to_vec);
    let noise = prop_oneof![
        any::<Index>().prop_map(Mutation::Cut),
        any::<(Index, u8)>().prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        (any::<Index>(), token).prop_map(|(at, token)| Mutation::Insert(at, token)),
        any::<(Index, Index)>().prop_map(|(from, to)| Mutation::Remove(from, to)),
        (any::<Index>(), select(corpus)).prop_map(|(at, other)| Mutation::Splice(at, other)),
    ];
    let value = (any::<Index>(), odd_value()).prop_map(|(at, value)| Mutation::Value(at, value));
    let noise = proptest::collection::vec(noise, 0..3);
    let values = proptest::collection::vec(value, 0..3);
    prop_oneof![2 => values, 1 => noise]
}

fn odd_value() -> impl Strategy<Value = Value> {
    let numbers = [i64::MIN, -1, 0, 1, 1_750_000_000_000, i64::MAX].map(Value::from);
    let others = [
        Value::Null,
        json!(true),
        json!(u64::MAX),
        json!(1.5),
        json!(1e308),
        json!([]),
        json!([null]),
        json!({}),
        json!("a".repeat(70_000)),
    ];
    let plain: Vec<Value> = numbers.into_iter().chain(others).collect();
    prop_oneof![
        select(ODD_TEXTS).prop_map(Value::from),
        select(plain),
        "\\PC{0,70}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
    ]
}

impl Mutation {
    /// The input with this change.
    pub fn of(&self, input: &[u8]) -> Vec<u8> {
        let at = |index: &Index| index.index(input.len() + 1);
        match self {
            Self::Cut(end) => input[..at(end)].to_vec(),
            Self::Byte(index, byte) => {
                let index = at(index);
                [
                    &input[..index],
                    &[*byte],
                    input.get(index + 1..).unwrap_or_default(),
                ]
                .concat()
            }
            Self::Insert(index, more) => [&input[..at(index)], more, &input[at(index)..]].concat(),
            Self::Remove(one, other) => {
                let (from, to) = (at(one).min(at(other)), at(one).max(at(other)));
                [&input[..from], &input[to..]].concat()
            }
            Self::Splice(index, other) => {
                [&input[..at(index)], &other[index.index(other.len() + 1)..]].concat()
            }
            Self::Value(index, value) => with_value(input, *index, value),
        }
    }
}

fn with_value(input: &[u8], index: Index, value: &Value) -> Vec<u8> {
    let Ok(mut json) = serde_json::from_slice::<Value>(input) else {
        return input.to_vec();
    };
    let mut place = index.index(count(&json));
    if let Some(replaced) = nth(&mut json, &mut place) {
        *replaced = value.clone();
    }
    json.to_string().into_bytes()
}

/// How many values there are, the outermost included.
fn count(json: &Value) -> usize {
    1 + match json {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The value at that place, counted as [`count`] does. The place is counted down on the way.
fn nth<'a>(json: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    if *place == 0 {
        return Some(json);
    }
    *place -= 1;
    match json {
        Value::Array(values) => values.iter_mut().find_map(|inner| nth(inner, place)),
        Value::Object(fields) => fields.values_mut().find_map(|inner| nth(inner, place)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_can_be_replaced_alone() {
        let json = json!({"a": [1, 2], "b": 3});
        let replaced: Vec<String> = (0..count(&json))
            .map(|place| {
                let mut copy = json.clone();
                *nth(&mut copy, &mut place.clone()).unwrap() = json!(0);
                copy.to_string()
            })
            .collect();
        assert_eq!(
            replaced,
            [
                r"0",
                r#"{"a":0,"b":3}"#,
                r#"{"a":[0,2],"b":3}"#,
                r#"{"a":[1,0],"b":3}"#,
                r#"{"a":[1,2],"b":0}"#,
            ]
        );
    }
}
