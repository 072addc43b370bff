//! Hostile answers cause no panic, and no verdict with anything that must not be shown.

use hostile::{Checked, Door};
use proptest::prelude::*;
use protocol::time::unix_ms;
use protocol::{Guid, Profile, Record, SessionMessage};
use serde_json::Value;

use crate::filter::email;
use crate::filter::hidden_companies::HiddenCompanies;
use crate::filter::profile::filter;
use crate::filter::rules::Rules;
use crate::lookup::provider::{lenient_json, native};

const IP: &str = "203.0.113.7";
const HIDDEN: &str = "b8e8879e-3382-4908-8f1e-7638473d0913";

/// The largest message that `nats.conf` allows, in bytes.
const MAX_PAYLOAD: usize = 256 * 1000;

/// Every text in it.
fn texts(json: &Value) -> Vec<&str> {
    match json {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Whether it holds an address at one of the providers that the corpus and its mutants know of.
fn looks_personal(text: &str) -> bool {
    let text: String = text.to_lowercase().split_whitespace().collect();
    text.split('@').skip(1).any(|rest| {
        ["gmail.com", "mail.yahoo.co.uk", "yahoo.co.uk", "hotmail.com"]
            .iter()
            .filter_map(|domain| rest.strip_prefix(domain))
            // `gmail.common.example` is another domain.
            .any(|next| !next.trim_start_matches('.').starts_with(|c: char| c == '-' || c.is_alphanumeric()))
    })
}

fn record(profile: Profile) -> Record {
    Record {
        guid: Guid::new("a").unwrap(),
        ip: IP.into(),
        opened_at: Some(unix_ms(1)),
        first_seen_at: unix_ms(1),
        last_activity_at: unix_ms(1),
        received_at: unix_ms(1),
        profile,
        unidentified: false,
        page: None,
        referrer: None,
        identified_at: None,
    }
}

fn may_be_shown(body: &[u8]) -> Result<(), TestCaseError> {
    let hidden = HiddenCompanies::new([]);
    let Ok(answer) = native::read(IP, 200, None, body) else {
        return Ok(());
    };
    let json: Value = lenient_json::read(body).unwrap();
    prop_assert!(json["ip"].is_string() && json["data"].is_object());
    let verdict = filter(answer, &hidden);
    prop_assert_eq!(
        Rules::new(hidden).recheck(&verdict),
        None,
        "what was filtered once stands"
    );
    let Some(profile) = verdict.profile() else {
        return Ok(());
    };
    let message = SessionMessage::Record(record(profile));
    let written = serde_json::to_vec(&message).unwrap();
    prop_assert!(written.len() < MAX_PAYLOAD);
    prop_assert_eq!(
        serde_json::from_slice::<SessionMessage>(&written).unwrap(),
        message
    );
    let written: Value = serde_json::from_slice(&written).unwrap();
    let company = written["company"]["guid"].as_str().unwrap_or_default();
    prop_assert_ne!(company.trim().to_lowercase(), HIDDEN);
    for text in texts(&written) {
        prop_assert!(
            !looks_personal(text)
                && (email::business_addresses(text) == [text] || !email::mentions_personal(text)),
            "{}",
            text
        );
    }
    Ok(())
}

#[test]
fn verdict_on_any_answer_may_be_shown() -> Checked {
    Door::Answers.check(may_be_shown)
}

proptest! {
    #[test]
    fn only_200_and_404_give_a_verdict(status: u16, body in Door::Answers.mutants().unwrap()) {
        prop_assume!(status != 200);
        prop_assert_eq!(native::read(IP, status, None, &body).is_ok(), status == 404);
    }
}
