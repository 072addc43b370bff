//! The page that a visitor sees: how clients get it, and that no restart loses it.

use super::*;
use protocol::time::unix_ms;
use protocol::{Page, SeenPage, SeenReferrer};

fn seen(at: Timestamp, url: &str) -> SeenPage {
    SeenPage {
        at,
        page: Arc::new(Page {
            url: url.into(),
            title: "Tea".into(),
        }),
    }
}

fn record_with_page(at: Timestamp, url: &str) -> SessionMessage {
    let SessionMessage::Record(record) = record("a", Some(unix_ms(0)), unix_ms(0)) else {
        unreachable!()
    };
    SessionMessage::Record(Record {
        page: Some(seen(at, url)),
        referrer: Some(SeenReferrer {
            at: unix_ms(0),
            url: "https://search.example/".into(),
        }),
        ..record
    })
}

fn activity(at: Timestamp, page: Option<SeenPage>) -> Activity {
    Activity {
        page,
        ..Activity::new(guid("a"), at, at)
    }
}

fn page_of(session: &VisibleSession) -> Option<&str> {
    session.page.as_ref().map(|page| &*page.url)
}

fn only_session(view: &View) -> VisibleSession {
    view.sessions().pop().unwrap()
}

#[test]
fn another_page_is_a_change_and_the_same_page_a_touch() {
    let mut view = View::new(STALE_AFTER);
    apply(&mut view, record_with_page(unix_ms(0), "/a"), 1, unix_ms(0));
    let arrived = view.take_changes();
    assert_eq!(page_of(&arrived.changed[0]), Some("/a"));
    assert_eq!(
        arrived.changed[0].referrer.as_deref(),
        Some("https://search.example/")
    );

    view.activity(&activity(unix_ms(5), Some(seen(unix_ms(5), "/b"))), unix_ms(5));
    assert_eq!(page_of(&view.take_changes().changed[0]), Some("/b"));
    view.activity(&activity(unix_ms(6), Some(seen(unix_ms(6), "/b"))), unix_ms(6));
    view.activity(&activity(unix_ms(7), None), unix_ms(7));
    // It comes late, and was seen before.
    view.activity(&activity(unix_ms(3), Some(seen(unix_ms(3), "/c"))), unix_ms(7));
    let changes = view.take_changes();
    assert_eq!((changes.changed.len(), changes.touched.len()), (0, 1));
    assert_eq!(page_of(&only_session(&view)), Some("/b"));
}

#[test]
fn equal_pages_are_kept_once() {
    let mut view = View::new(STALE_AFTER);
    for name in ["a", "b"] {
        apply(
            &mut view,
            record(name, Some(unix_ms(0)), unix_ms(0)),
            1,
            unix_ms(0),
        );
        let activity = Activity {
            guid: guid(name),
            ..activity(unix_ms(1), Some(seen(unix_ms(1), "/a")))
        };
        view.activity(&activity, unix_ms(1));
    }
    let pages: Vec<_> = view
        .sessions()
        .into_iter()
        .filter_map(|session| session.page)
        .collect();
    assert!(Arc::ptr_eq(&pages[0], &pages[1]));
}

/// A page that is reported only once, in activities that expire.
#[test]
fn page_is_written_to_the_stream_before_its_activity_expires() {
    let mut view = View::new(STALE_AFTER);
    apply(&mut view, record_with_page(unix_ms(0), "/a"), 1, unix_ms(0));
    view.activity(
        &activity(unix_ms(1_000), Some(seen(unix_ms(1_000), "/b"))),
        unix_ms(1_000),
    );
    assert_eq!(
        view.write_backs(9, unix_ms(1_000), false),
        [],
        "the stream of activities has it"
    );
    let mut written = Vec::new();
    for now in (2_000..120_000).step_by(1_000).map(unix_ms) {
        view.activity(&activity(now, None), now);
        view.tick(now);
        for write in view.write_backs(9, now, false) {
            let stored = StoredMessage::new(&write.message, 2, Some(write.ttl), now);
            view.message(write.message.clone(), stored, now);
            written.push((now, write.message));
        }
    }
    let [(at, SessionMessage::Record(record))] = &written[..] else {
        panic!("one write: {written:?}")
    };
    assert!(*at < unix_ms(1_000) + 2 * STALE_AFTER, "{at}");
    assert_eq!(record.page, Some(seen(unix_ms(1_000), "/b")));

    let mut next = View::new(STALE_AFTER);
    apply(&mut next, written.remove(0).1, 2, unix_ms(120_000));
    next.activity(&activity(unix_ms(119_000), None), unix_ms(120_000));
    assert_eq!(page_of(&only_session(&next)), Some("/b"));
}

#[test]
fn page_that_each_event_repeats_is_never_written() {
    let mut view = View::new(STALE_AFTER);
    apply(&mut view, record_with_page(unix_ms(0), "/a"), 1, unix_ms(0));
    for now in (0..600_000).step_by(15_000).map(unix_ms) {
        view.activity(&activity(now, Some(seen(now, "/b"))), now);
        view.tick(now);
        assert_eq!(view.write_backs(9, now, false), [], "{now}");
    }
}

#[test]
fn lost_stream_gets_page_and_referrer_again() {
    let mut view = View::new(STALE_AFTER);
    apply(&mut view, record_with_page(unix_ms(0), "/a"), 1, unix_ms(0));
    view.activity(&activity(unix_ms(5), Some(seen(unix_ms(5), "/b"))), unix_ms(5));
    view.stream_lost();
    // Another enricher was faster, with an event that has neither.
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(9)),
        1,
        unix_ms(9),
    );
    let write = view.write_backs(9, unix_ms(9), false).pop().unwrap();
    let SessionMessage::Record(record) = write.message else {
        panic!("a record")
    };
    assert_eq!(record.page, Some(seen(unix_ms(5), "/b")));
    assert_eq!(record.referrer.unwrap().at, unix_ms(0));
    assert_eq!(write.expected, 1);
}

#[test]
fn hidden_session_leaves_no_trace_of_its_page() {
    let mut view = View::new(STALE_AFTER);
    apply(&mut view, record_with_page(unix_ms(0), "/secret"), 1, unix_ms(0));
    let hidden = Tombstone {
        guid: guid("a"),
        closed_at: unix_ms(5),
        received_at: unix_ms(5),
        hidden: true,
        ttl: tombstone_ttl(REMEMBER_CLOSINGS),
    };
    apply(&mut view, SessionMessage::Tombstone(hidden), 2, unix_ms(5));
    view.activity(
        &activity(unix_ms(6), Some(seen(unix_ms(6), "/secret"))),
        unix_ms(6),
    );
    let changes = view.take_changes();
    assert_eq!((changes.changed.len(), changes.removed.len()), (0, 1));
    assert!(!format!("{:?}", view.entries).contains("/secret"));
}
