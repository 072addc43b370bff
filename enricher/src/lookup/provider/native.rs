//! The Deanonymizer's own protocol: what an answer says, if it can be believed. Pure.

use std::time::Duration;

use protocol::guid;
use protocol::ip::IpKey;
use protocol::record::{Company, Contact};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::filter::answer::Answer;
use crate::lookup::failure::LookupFailure;
use crate::lookup::provider::lenient_json;
use crate::lookup::provider::reading::{Finding, Reason};

/// A JSON object. Serde would also accept an array for a struct.
type Object = serde_json::Map<String, Value>;

#[derive(Deserialize)]
struct Body {
    ip: String,
    data: Object,
}

/// Each part may be missing; if it is present, it must be complete. A `null` is a fault of the Deanonymizer, not a
/// visitor without a company: the visitor could be one who must not be shown.
#[derive(Deserialize)]
struct Data {
    #[serde(default, deserialize_with = "there")]
    company: Option<Object>,
    #[serde(default, deserialize_with = "there")]
    contact: Option<Object>,
}

/// GUID and name are required. A fault in any other field costs only that field.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContact {
    guid: String,
    name: String,
    #[serde(default)]
    title: Value,
    #[serde(default)]
    email_addresses: Value,
    #[serde(default)]
    phone_numbers: Value,
}

/// The value, if it is a text.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// The texts of a list. Values of other types are left out, inside the list or in place of it.
fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.into_iter().filter_map(text).collect(),
        _ => Vec::new(),
    }
}

/// A field that may be missing but not `null`.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn from_object<T: DeserializeOwned>(object: Object) -> Result<T, serde_json::Error> {
    serde_json::from_value(Value::Object(object))
}

fn parse(body: &[u8]) -> Result<(String, Answer), serde_json::Error> {
    let body: Body = from_object(lenient_json::read(body)?)?;
    let data: Data = from_object(body.data)?;
    let contact: Option<RawContact> = data.contact.map(from_object).transpose()?;
    let contact = contact.map(|contact| Contact {
        guid: guid::canonical(&contact.guid),
        name: contact.name,
        title: text(contact.title),
        email_addresses: texts(contact.email_addresses),
        phone_numbers: texts(contact.phone_numbers),
    });
    let company: Option<Company> = data.company.map(from_object).transpose()?;
    let company = company.map(|company| Company {
        guid: guid::canonical(&company.guid),
        ..company
    });
    Ok((body.ip, Answer { company, contact }))
}

/// Reads the answer to a call for `ip`, and says which part of it decided.
///
/// # Errors
/// Fails if the answer yields no verdict.
pub fn find(
    ip: &str,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Finding, LookupFailure> {
    let answer = read(ip, status, retry_after, body)?;
    let reason = match status {
        200 if answer.company.is_none() && answer.contact.is_none() => Reason::NoFields,
        200 => Reason::Fields,
        other => Reason::Status(other),
    };
    Ok(Finding { answer, reason })
}

/// Reads the answer to a call for `ip`.
///
/// # Errors
/// Fails if the answer yields no verdict.
pub fn read(
    ip: &str,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Answer, LookupFailure> {
    match status {
        200 => {}
        404 => return Ok(Answer::default()),
        401 | 403 => return Err(LookupFailure::AccountRefused(status, retry_after)),
        402 => return Err(LookupFailure::AccountExhausted(status, retry_after)),
        429 => return Err(LookupFailure::RateLimited(retry_after)),
        408 | 425 => return Err(LookupFailure::Status(status, retry_after)),
        400..=499 => return Err(LookupFailure::Rejected(status, retry_after)),
        other => return Err(LookupFailure::Status(other, retry_after)),
    }
    let (answered, answer) = parse(body).map_err(|error| {
        if error.is_data() {
            LookupFailure::WrongForm
        } else {
            LookupFailure::NotJson
        }
    })?;
    if IpKey::new(&answered) != IpKey::new(ip) {
        return Err(LookupFailure::OtherIp);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IP: &str = "203.0.113.7";
    const FULL: &str = r#"{"ip":"203.0.113.7","data":{"company":{"guid":"C","name":"Lumen","domain":"lumen.example"},"contact":{"guid":"P","name":"Ada Quill","title":"CTO","phoneNumbers":["+1"],"emailAddresses":["a@gmail.com"]}}}"#;

    fn failure(status: u16, body: &str) -> &'static str {
        read(IP, status, None, body.as_bytes()).unwrap_err().token()
    }

    #[test]
    fn a_full_answer() {
        let answer = read(IP, 200, None, FULL.as_bytes()).unwrap();
        assert_eq!(answer.company.unwrap().name, "Lumen");
        assert_eq!(answer.contact.unwrap().email_addresses, ["a@gmail.com"]);
    }

    #[test]
    fn an_unknown_address() {
        assert_eq!(read(IP, 404, None, b"<html>").unwrap(), Answer::default());
        assert_eq!(
            read(IP, 200, None, br#"{"ip":"203.0.113.7","data":{}}"#).unwrap(),
            Answer::default()
        );
    }

    #[test]
    fn an_answer_in_another_spelling_of_the_address() {
        let body = br#"{"ip":"2001:0DB8::0001","data":{}}"#;
        assert!(read("2001:db8::1", 200, None, body).is_ok());
        for (asked, answered) in [("::ffff:1.2.3.4", "1.2.3.4"), ("1.2.3.4", " ::FFFF:102:304")] {
            let body = format!(r#"{{"ip":"{answered}","data":{{}}}}"#);
            assert!(read(asked, 200, None, body.as_bytes()).is_ok(), "{answered}");
        }
    }

    #[test]
    fn guids_are_passed_on_in_one_spelling() {
        let body = FULL
            .replace("\"C\"", "\"{B8E8879E-3382-4908-8F1E-7638473D0913}\"")
            .replace("\"P\"", "\" p-7 \"");
        let answer = read(IP, 200, None, body.as_bytes()).unwrap();
        assert_eq!(
            answer.company.unwrap().guid,
            "b8e8879e-3382-4908-8f1e-7638473d0913"
        );
        assert_eq!(answer.contact.unwrap().guid, "p-7");
    }

    #[test]
    fn every_bad_answer_is_a_failure_of_its_kind() {
        assert_eq!(failure(500, FULL), "status");
        assert_eq!(failure(503, ""), "status");
        assert_eq!(failure(302, FULL), "status");
        assert_eq!(failure(429, ""), "rate-limited");
        for (status, kind) in [
            (400, "rejected"),
            (401, "refused"),
            (402, "exhausted"),
            (403, "refused"),
            (422, "rejected"),
        ] {
            assert_eq!(failure(status, FULL), kind);
        }
        assert_eq!(failure(200, "<html>busy</html>"), "not-json");
        assert_eq!(failure(200, &FULL[..FULL.len() - 3]), "not-json");
        assert_eq!(failure(200, ""), "not-json");
        for body in [
            r#"{"data":{}}"#,
            r#"{"ip":"203.0.113.7"}"#,
            r#"{"ip":"203.0.113.7","data":null}"#,
            r#"{"ip":"203.0.113.7","data":[]}"#,
            r#"{"ip":7,"data":{}}"#,
            r#"["203.0.113.7",{}]"#,
            r#"{"ip":"203.0.113.7","data":{"company":null}}"#,
            r#"{"ip":"203.0.113.7","data":{"company":["C","Lumen","lumen.example"]}}"#,
            r#"{"ip":"203.0.113.7","data":{"company":{"name":"Lumen","domain":"lumen.example"}}}"#,
            r#"{"ip":"203.0.113.7","data":{"company":{"guid":7,"name":"Lumen","domain":"lumen.example"}}}"#,
            r#"{"ip":"203.0.113.7","data":{"contact":null}}"#,
            r#"{"ip":"203.0.113.7","data":{"contact":{"guid":"P"}}}"#,
        ] {
            assert_eq!(failure(200, body), "wrong-form", "{body}");
        }
        assert_eq!(failure(200, r#"{"ip":"203.0.113.8","data":{}}"#), "other-ip");
    }

    #[test]
    fn a_fault_in_an_optional_field_costs_that_field_only() {
        let body = r#"{"ip":"203.0.113.7","data":{"contact":{"guid":"P","name":"Ada","title":null,"emailAddresses":["ada@lumen.example",7,null],"phoneNumbers":"+1"}}}"#;
        let contact = read(IP, 200, None, body.as_bytes()).unwrap().contact.unwrap();
        assert_eq!(contact.name, "Ada");
        assert_eq!(contact.title, None);
        assert_eq!(contact.email_addresses, ["ada@lumen.example"]);
        assert!(contact.phone_numbers.is_empty());
    }

    #[test]
    fn lone_surrogates_and_numbers_out_of_range_void_nothing_else() {
        let read = |from: &str, to: &str| {
            let body = FULL.replace(from, to);
            read(IP, 200, None, body.as_bytes()).unwrap().contact.unwrap()
        };
        assert_eq!(read("CTO", r"x\ud800").title.unwrap(), "x\u{fffd}");
        assert_eq!(read("+1", r"+1\udc00").phone_numbers, ["+1\u{fffd}"]);
        for unknown in [r#""\udfff""#, "1e999", "[-1e999]"] {
            let contact = read(r#""title""#, &format!(r#""unknown":{unknown},"title""#));
            assert_eq!(contact.title.unwrap(), "CTO", "{unknown}");
        }
        assert_eq!(read(r#""CTO""#, "1e999").title, None);
        assert_eq!(failure(200, &FULL.replace(r#""C""#, "1e999")), "wrong-form");
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let body = [b"\xef\xbb\xbf", FULL.as_bytes()].concat();
        assert!(read(IP, 200, None, &body).unwrap().company.is_some());
    }

    #[test]
    fn retry_after_is_kept_on_every_status_that_is_a_failure() {
        let wait = Some(Duration::from_secs(7));
        for status in 100..=999 {
            match read(IP, status, wait, FULL.as_bytes()) {
                Ok(_) => assert!([200, 404].contains(&status), "{status}"),
                Err(failure) => assert_eq!(failure.retry_after(), wait, "{status}"),
            }
        }
    }

    proptest! {
        #[test]
        fn a_broken_answer_is_never_a_profile(cut in 0..FULL.len()) {
            prop_assert!(read(IP, 200, None, &FULL.as_bytes()[..cut]).is_err());
        }
    }
}
