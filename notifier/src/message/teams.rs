//! The form of a workflow of Microsoft Teams that posts to a channel when a webhook request is received: a message with
//! an adaptive card. Texts are in text runs, in which Teams reads no markup.

use serde_json::{Value, json};

use super::announced::AnnouncedArrival;
use super::text;
use crate::arrivals::arrival::Arrival;

pub fn render(arrivals: &[AnnouncedArrival], link: impl Fn(&Arrival) -> Option<String>) -> Value {
    let all: Vec<_> = arrivals
        .iter()
        .map(|announced| announced.arrival.clone())
        .collect();
    let body: Vec<_> = all
        .iter()
        .map(|arrival| container(arrival, link(arrival)))
        .collect();
    json!({
        "type": "message",
        "summary": text::summary(&all),
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "fallbackText": text::summary(&all),
                "body": body,
            },
        }],
    })
}

fn container(arrival: &Arrival, link: Option<String>) -> Value {
    let title = [
        run(&text::company(arrival), true),
        run(" is on the website", false),
    ];
    let mut items = vec![block(&title)];
    for (label, fact) in text::facts(arrival) {
        items.push(block(&[run(&format!("{label}: {fact}"), false)]));
    }
    if let Some(link) = link {
        let action = json!({ "type": "Action.OpenUrl", "title": "Open the visitor", "url": link });
        items.push(json!({ "type": "ActionSet", "actions": [action] }));
    }
    json!({ "type": "Container", "separator": true, "items": items })
}

fn block(runs: &[Value]) -> Value {
    json!({ "type": "RichTextBlock", "inlines": runs })
}

fn run(text: &str, bold: bool) -> Value {
    let weight = if bold { "Bolder" } else { "Default" };
    json!({ "type": "TextRun", "text": text, "weight": weight })
}
