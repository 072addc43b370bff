//! No input, however odd, causes a panic or is misread.

use hostile::{Checked, Door};
use proptest::prelude::*;
use protocol::frame::Request;
use protocol::{
    Activity, Event, EventKind, Guid, Rejection, SeenPage, SessionMessage, Timestamp, event, ip, time,
};
use serde_json::Value;

/// A second, slower implementation of the event parser, without borrowing.
fn is_an_event(json: &Value) -> bool {
    let text = |field: &str| json.get(field).and_then(Value::as_str).unwrap_or_default();
    let kinds = EventKind::ALL.map(EventKind::token);
    json.is_object()
        && kinds.contains(&text("eventType"))
        && Guid::new(text("guid")).is_ok()
        && (1..=45).contains(&text("ip").len())
        && text("ip")
            .chars()
            .all(|c| matches!(c, '0'..='9' | 'a'..='f' | 'A'..='F' | '.' | ':'))
}

fn is_token(guid: &str) -> bool {
    (1..=64).contains(&guid.len())
        && guid
            .chars()
            .all(|c| matches!(c, '0'..='9' | 'a'..='z' | 'A'..='Z' | '-' | '_'))
}

fn is_shown_by_every_clock(at: Timestamp) -> bool {
    (0..=253_402_300_799_999).contains(&at.unix_ms())
}

fn is_page(url: &str, title: &str) -> bool {
    let is_text =
        |text: &str, longest| text.chars().count() <= longest && text.chars().all(|c| !c.is_control());
    !url.is_empty() && is_text(url, 2_000) && is_text(title, 300)
}

#[test]
fn only_events_are_events() -> Checked {
    Door::Events.check(|bytes| {
        let event = Event::parse(bytes);
        if let Ok(event) = &event {
            let guid = Guid::new(&event.guid);
            prop_assert!(guid.is_ok_and(|guid| is_token(&guid.to_string())));
            prop_assert!(ip::is_plausible(&event.ip));
            if let Some(page) = &event.reported.page {
                prop_assert!(is_page(&page.url, &page.title));
            }
            let (at, _) = time::believable(event.timestamp, Timestamp::from_unix_ms(1_750_000_000_000));
            prop_assert!(is_shown_by_every_clock(at));
        }
        if bytes.len() > event::MAX_BYTES {
            prop_assert_eq!(event, Err(Rejection::TooLarge));
        } else if let Ok(json) = serde_json::from_slice::<Value>(bytes) {
            prop_assert_eq!(event.is_ok(), is_an_event(&json), "{}", json);
        }
        Ok(())
    })
}

#[test]
fn a_raw_message_has_a_believable_time_for_each_line() -> Checked {
    Door::Events.check(|bytes| {
        let header = String::from_utf8_lossy(bytes);
        let odd = format!("{},{},{header},7", i64::MIN, i64::MAX);
        for header in [None, Some(&*header), Some(&odd)] {
            for (_, received_at) in event::lines(bytes, header, Timestamp::from_unix_ms(1_750_000_000_000)) {
                prop_assert!(is_shown_by_every_clock(received_at));
            }
        }
        Ok(())
    })
}

#[test]
fn only_records_and_tombstones_are_accepted_and_they_round_trip() -> Checked {
    Door::Sessions.check(|bytes| {
        let Ok(message) = serde_json::from_slice::<SessionMessage>(bytes) else {
            return Ok(());
        };
        prop_assert!(is_token(&message.guid().to_string()));
        let times = match &message {
            SessionMessage::Record(record) => {
                prop_assert!(ip::is_plausible(&record.ip));
                if let Some(page) = &record.page {
                    prop_assert!(is_page(&page.page.url, &page.page.title));
                }
                vec![
                    record.shown_opened_at(),
                    record.first_seen_at,
                    record.last_activity_at,
                    record.received_at,
                ]
            }
            SessionMessage::Tombstone(tombstone) => vec![tombstone.closed_at, tombstone.received_at],
        };
        for at in times {
            prop_assert!(is_shown_by_every_clock(at), "{}", at);
        }
        let written = serde_json::to_vec(&message).unwrap();
        prop_assert_eq!(
            serde_json::from_slice::<SessionMessage>(&written).unwrap(),
            message
        );
        Ok(())
    })
}

#[test]
fn only_activities_are_accepted_and_they_round_trip() -> Checked {
    Door::Activity.check(|bytes| {
        let Ok(activities) = serde_json::from_slice::<Vec<Activity>>(bytes) else {
            return Ok(());
        };
        for Activity {
            guid,
            at,
            received_at,
            page,
        } in &activities
        {
            prop_assert!(is_token(&guid.to_string()));
            prop_assert!(is_shown_by_every_clock(*at) && is_shown_by_every_clock(*received_at));
            if let Some(SeenPage { at, page }) = page {
                prop_assert!(is_shown_by_every_clock(*at) && is_page(&page.url, &page.title));
            }
        }
        let written = serde_json::to_vec(&activities).unwrap();
        prop_assert_eq!(
            serde_json::from_slice::<Vec<Activity>>(&written).unwrap(),
            activities
        );
        Ok(())
    })
}

#[test]
fn a_client_can_ask_for_a_snapshot_and_for_nothing_else() -> Checked {
    Door::Requests.check(|bytes| {
        if serde_json::from_slice::<Request>(bytes).is_ok() {
            let json: Value = serde_json::from_slice(bytes).unwrap();
            // An array of the fields' values is as good as an object, as it is to serde.
            let kind = json.get("type").or_else(|| json.get(0));
            prop_assert_eq!(kind, Some(&"snapshot".into()), "{}", json);
        }
        Ok(())
    })
}
