//! An event as the emitter writes it.

use protocol::Timestamp;
use serde::Serialize;
use service::clock;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::beacon::Page;
use crate::visits::Event;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    event_type: &'a str,
    ip: String,
    guid: String,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'a Page>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a str>,
}

/// The event as the text of one frame.
pub fn text(event: &Event) -> Utf8Bytes {
    json(event, clock::time_at(event.at)).into()
}

fn json(event: &Event, at: Timestamp) -> String {
    let wire = Wire {
        event_type: event.kind.token(),
        ip: event.address.to_canonical().to_string(),
        guid: event.guid.to_string(),
        timestamp: format!(
            "{:.3}",
            jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or_default()
        ),
        page: event.page.as_deref(),
        referrer: event.referrer.as_deref(),
    };
    // It contains only text, which can always be serialized.
    serde_json::to_string(&wire).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::event::EventKind;
    use protocol::time::unix_ms;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn event_has_the_emitters_form_and_additional_fields() {
        let page = Page {
            url: "https://shop.example/a".to_owned(),
            title: "A \"b\"".to_owned(),
        };
        let mut event = Event {
            kind: EventKind::SessionOpened,
            guid: Uuid::from_u128(7),
            address: "::ffff:203.0.113.7".parse().unwrap(),
            at: 0,
            page: Some(Arc::new(page)),
            referrer: Some("https://search.example/".into()),
        };
        assert_eq!(
            json(&event, unix_ms(1_740_974_641_984)),
            r#"{"eventType":"session-opened","ip":"203.0.113.7","guid":"00000000-0000-0000-0000-000000000007","timestamp":"2025-03-03T04:04:01.984Z","page":{"url":"https://shop.example/a","title":"A \"b\""},"referrer":"https://search.example/"}"#
        );
        (event.page, event.referrer) = (None, None);
        let json = json(&event, unix_ms(1_740_974_641_000));
        let parsed = protocol::event::Event::parse(json.as_bytes()).unwrap();
        assert_eq!(parsed.timestamp, Some(unix_ms(1_740_974_641_000)));
        assert_eq!(parsed.kind, EventKind::SessionOpened);
        assert!(!json.contains("page") && !json.contains("referrer"));
    }
}
