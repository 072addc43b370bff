//! Reads a provider's answer by the JSON Pointers of its file. Pure.

use std::time::Duration;

use protocol::guid;
use protocol::record::{Company, Contact};
use serde_json::Value;
use uuid::Uuid;

use super::description::{Billed, Meaning, Provider};
use crate::filter::answer::Answer;
use crate::filter::hidden_companies::company_domain;
use crate::lookup::failure::LookupFailure;
use crate::lookup::provider::lenient_json;

/// The namespace of the GUIDs for companies and contacts without one (RFC 9562, version 5). Changing it would make
/// every known company a new one.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d3c_1c0e_9a41_4f0e_8d0a_6f2b_7b9e_4c11);

/// What an answer says, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Who is behind the address.
    pub answer: Answer,
    /// The part of the answer that decided.
    pub reason: Reason,
}

/// The part of an answer that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has the fields of a company or contact.
    Fields,
    /// It has neither a company nor a contact.
    NoFields,
    /// The status means "unknown".
    Status(u16),
    /// The value at this pointer means "unknown".
    UnknownIf(String, String),
}

impl Provider {
    /// Whether the provider bills a call with this outcome.
    #[must_use]
    pub fn bills(&self, outcome: &Result<Answer, LookupFailure>) -> bool {
        match (self.billed, outcome) {
            (Billed::Call, outcome) => outcome.as_ref().err().is_none_or(LookupFailure::is_paid),
            (Billed::Match, Ok(answer)) => answer.company.is_some() || answer.contact.is_some(),
            // A call whose answer never arrived may have found somebody, so it counts as billed.
            (Billed::Match, Err(failure)) => {
                matches!(failure, LookupFailure::Timeout | LookupFailure::Interrupted(_))
            }
        }
    }
}

/// Reads the answer of a provider.
///
/// # Errors
/// Fails if the answer yields no verdict.
pub fn find(
    provider: &Provider,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Result<Finding, LookupFailure> {
    let unknown = |reason| Finding {
        answer: Answer::default(),
        reason,
    };
    match (provider.statuses.get(&status), status) {
        (Some(Meaning::Unknown), _) => return Ok(unknown(Reason::Status(status))),
        (Some(Meaning::Queued), _) => return Err(LookupFailure::Queued(retry_after)),
        (Some(Meaning::Exhausted), _) => return Err(LookupFailure::AccountExhausted(status, retry_after)),
        (Some(Meaning::Refused), _) => return Err(LookupFailure::AccountRefused(status, retry_after)),
        (None, 200..=299) => {}
        (None, 429) => return Err(LookupFailure::RateLimited(retry_after)),
        (None, 408 | 425) => return Err(LookupFailure::Status(status, retry_after)),
        (None, 400..=499) => return Err(LookupFailure::Rejected(status, retry_after)),
        (None, _) => return Err(LookupFailure::Status(status, retry_after)),
    }
    let json: Value = lenient_json::read(body).map_err(|_| LookupFailure::NotJson)?;
    for (pointer, values) in &provider.unknown_if {
        if let Some(value) = json.pointer(pointer)
            && values.iter().any(|other| means_the_same(value, other))
        {
            return Ok(unknown(Reason::UnknownIf(pointer.clone(), plain(value))));
        }
    }
    let company = company(provider, &json);
    let contact = contact(provider, &json, company.as_ref());
    let reason = if company.is_none() && contact.is_none() {
        Reason::NoFields
    } else {
        Reason::Fields
    };
    Ok(Finding {
        answer: Answer { company, contact },
        reason,
    })
}

/// Compares texts case-insensitively and without surrounding white space, anything else exactly.
fn means_the_same(value: &Value, other: &Value) -> bool {
    match (value, other) {
        (Value::String(value), Value::String(other)) => {
            value.trim().to_lowercase() == other.trim().to_lowercase()
        }
        _ => value == other,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The text at a pointer. Null, an empty text and values of other types count as absent.
fn text(json: &Value, pointer: Option<&str>) -> Option<String> {
    let text = match json.pointer(pointer?)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The texts at a pointer: a list of them, or a single one.
fn texts(json: &Value, pointer: Option<&str>) -> Vec<String> {
    match pointer.and_then(|pointer| json.pointer(pointer)) {
        Some(Value::Array(values)) => values.iter().filter_map(|value| text(value, Some(""))).collect(),
        Some(value) => text(value, Some("")).into_iter().collect(),
        None => Vec::new(),
    }
}

fn company(provider: &Provider, json: &Value) -> Option<Company> {
    let pointers = &provider.company;
    let spelled = text(json, pointers.domain.as_deref());
    let domain = spelled.map(|text| company_domain(&text).unwrap_or(text));
    let identifier = text(json, pointers.guid.as_deref());
    // An identifier alone counts as a company, because that company may have to be hidden.
    let name = text(json, pointers.name.as_deref())
        .or_else(|| domain.clone())
        .or_else(|| identifier.clone())?;
    let identifier = identifier
        .or_else(|| domain.clone())
        .unwrap_or_else(|| name.to_lowercase());
    Some(Company {
        guid: guid_of(&identifier),
        name,
        domain: domain.unwrap_or_default(),
    })
}

fn contact(provider: &Provider, json: &Value, company: Option<&Company>) -> Option<Contact> {
    let pointers = &provider.contact;
    let name = text(json, pointers.name.as_deref())?;
    let identifier = text(json, pointers.guid.as_deref()).unwrap_or_else(|| {
        let employer = company.map_or("", |company| &company.guid);
        format!("{} of {employer}", name.to_lowercase())
    });
    Some(Contact {
        guid: guid_of(&identifier),
        name,
        title: text(json, pointers.title.as_deref()),
        email_addresses: texts(json, pointers.email_addresses.as_deref()),
        phone_numbers: texts(json, pointers.phone_numbers.as_deref()),
    })
}

/// The text's GUID, or a stable one derived from it. All spellings of a domain give the same one.
fn guid_of(identifier: &str) -> String {
    if let Some(uuid) = guid::uuid(identifier) {
        return uuid.hyphenated().to_string();
    }
    let name = company_domain(identifier).unwrap_or_else(|| identifier.to_owned());
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_kept_on_every_status_that_is_a_failure() {
        let file = "name = \"a\"\nurl = \"https://a.example/{ip}\"\n[company]\nname = \"/n\"";
        let (provider, wait) = (Provider::parse(file).unwrap(), Some(Duration::from_secs(9)));
        for status in 100..=999 {
            if let Err(failure) = find(&provider, status, wait, b"{}") {
                assert_eq!(failure.retry_after(), wait, "{status}");
            }
        }
    }

    #[test]
    fn lone_surrogates_and_numbers_out_of_range_void_nothing_else() {
        let file = "name = \"a\"\nurl = \"https://a.example/{ip}\"\n[company]\nname = \"/n\"";
        let provider = Provider::parse(file).unwrap();
        let body = br#"{"n":"Lumen\ud800","size":1e999}"#;
        let company = find(&provider, 200, None, body).unwrap().answer.company;
        assert_eq!(company.unwrap().name, "Lumen\u{fffd}");
    }
}
