//! What must hold for every input, for several targets.

use enricher::hidden_companies::HiddenCompanies;
use enricher::profile::filter;
use protocol::Timestamp;

/// A time that every clock can show: the years 1970 to 9999.
pub fn assert_shown_by_every_clock(at: Timestamp) {
    assert!((0..=253_402_300_799_999).contains(&at.unix_ms()), "{at}");
}

/// What is filtered holds no address at a provider of personal mail that a simple reader recognises.
pub fn assert_filtered(answer: enricher::Answer) {
    let hidden = HiddenCompanies::new([]);
    let Some(profile) = filter(answer, &hidden).profile() else {
        return;
    };
    let shown = serde_json::to_value(&profile).expect("a profile is JSON");
    assert!(!shows_personal(&shown), "{shown}");
}

fn shows_personal(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => {
            let text = text.to_lowercase();
            ["@gmail.com", "@hotmail.com", "@yahoo.co.uk"]
                .iter()
                .any(|mail| text.ends_with(mail))
        }
        serde_json::Value::Array(values) => values.iter().any(shows_personal),
        serde_json::Value::Object(fields) => fields.values().any(shows_personal),
        _ => false,
    }
}
