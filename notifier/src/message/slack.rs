//! The form of Slack's incoming webhooks: `text` for notifications, and a section block for each arrival.
//!
//! Slack reads `&`, `<` and `>` as markup (mentions, links), so they are escaped as its documentation asks ("Formatting
//! text for app surfaces"), and `verbatim` keeps it from making links and mentions of plain words.

use serde_json::{Value, json};

use super::announced::AnnouncedArrival;
use super::text;
use crate::arrivals::arrival::Arrival;

/// The longest text of a section block, in characters.
const MAX_SECTION: usize = 3_000;

pub fn render(arrivals: &[AnnouncedArrival], link: impl Fn(&Arrival) -> Option<String>) -> Value {
    let all: Vec<_> = arrivals
        .iter()
        .map(|announced| announced.arrival.clone())
        .collect();
    let blocks: Vec<_> = all
        .iter()
        .map(|arrival| {
            let text = section(arrival, link(arrival).as_deref());
            json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } })
        })
        .collect();
    json!({
        "text": unformatted(&text::summary(&all)),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn section(arrival: &Arrival, link: Option<&str>) -> String {
    let mut section = format!("*{}* is on the website", unformatted(&text::company(arrival)));
    let link = link.map(|link| format!("\n<{}|Open the visitor>", escaped(link).replace('|', "%7C")));
    let link = link.unwrap_or_default();
    for (label, fact) in text::facts(arrival) {
        let row = format!("\n{label}: {}", unformatted(&fact));
        // The link is the last row, and counts.
        if section.chars().count() + row.chars().count() + link.chars().count() > MAX_SECTION {
            break;
        }
        section.push_str(&row);
    }
    section + &link
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The text with signs that Slack would read as bold, italic, struck out or code replaced by signs that look alike, because
/// Slack knows no escape for them.
fn unformatted(text: &str) -> String {
    let harmless = |c| match c {
        '*' => '∗',
        '~' => '∼',
        '`' => 'ˋ',
        c => c,
    };
    escaped(&text.chars().map(harmless).collect::<String>())
}
