use super::*;
use protocol::stream::{RECORD_TTL, REMEMBER_CLOSINGS, STALE_RECORD_TTL, tombstone_ttl};
use protocol::time::unix_ms;
use protocol::{Company, Profile, Tombstone};
use std::sync::Arc;

mod clock_steps;
mod hostile;
mod pages;
mod properties;

const STALE_AFTER: Duration = Duration::from_mins(1);

fn guid(name: &str) -> Guid {
    Guid::new(name).unwrap()
}

fn record(name: &str, opened_at: Option<Timestamp>, at: Timestamp) -> SessionMessage {
    let company = Company {
        guid: "C".into(),
        name: "Lumen".into(),
        domain: "lumen.example".into(),
    };
    SessionMessage::Record(Record {
        guid: guid(name),
        ip: "::1".into(),
        opened_at,
        first_seen_at: at,
        last_activity_at: at,
        received_at: at,
        profile: Profile {
            company: Some(Arc::new(company)),
            contact: None,
            ..Profile::default()
        },
        unidentified: false,
        page: None,
        referrer: None,
        identified_at: None,
    })
}

fn tombstone(name: &str, at: Timestamp) -> SessionMessage {
    SessionMessage::Tombstone(Tombstone {
        guid: guid(name),
        closed_at: at,
        received_at: at,
        hidden: false,
        ttl: tombstone_ttl(REMEMBER_CLOSINGS),
    })
}

fn apply(view: &mut View, message: SessionMessage, sequence: u64, now: Timestamp) {
    let stored = StoredMessage::new(&message, sequence, Some(RECORD_TTL), now);
    view.message(message, stored, now);
}

fn names(sessions: &[VisibleSession]) -> Vec<String> {
    sessions.iter().map(|session| session.guid.to_string()).collect()
}

#[test]
fn a_hidden_session_leaves_as_hidden_and_stays_away() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    view.take_changes();
    let hidden = SessionMessage::Tombstone(Tombstone {
        guid: guid("a"),
        closed_at: unix_ms(5),
        received_at: unix_ms(5),
        hidden: true,
        ttl: tombstone_ttl(REMEMBER_CLOSINGS),
    });
    apply(&mut view, hidden, 2, unix_ms(5));
    assert_eq!(view.take_changes().removed, [(guid("a"), Removal::Hidden)]);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(9)),
        3,
        unix_ms(9),
    );
    assert!(view.sessions().is_empty());
    assert_eq!(view.traffic().hidden, 1);
    let put_back = view.write_backs(9, unix_ms(9), false).pop().unwrap();
    assert!(
        matches!(put_back.message, SessionMessage::Tombstone(tombstone) if tombstone.hidden),
        "it is hidden for the next gateway too"
    );
}

#[test]
fn a_session_comes_moves_and_goes() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    assert_eq!(names(&view.take_changes().changed), ["a"]);
    view.activity(&Activity::new(guid("a"), unix_ms(5), unix_ms(5)), unix_ms(5));
    assert_eq!(view.take_changes().touched, [(guid("a"), unix_ms(5))]);
    apply(&mut view, tombstone("a", unix_ms(9)), 2, unix_ms(9));
    assert_eq!(view.take_changes().removed, [(guid("a"), Removal::Closed)]);
    assert!(!view.has_news());
    assert_eq!(
        view.traffic(),
        Traffic {
            appeared: 1,
            closed: 1,
            stale: 0,
            hidden: 0
        }
    );
    assert_eq!(view.stats(0, unix_ms(9)), Stats::default());
}

#[test]
fn a_session_that_came_and_went_between_two_frames_is_removed_for_clients_that_joined_meanwhile() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    assert_eq!(names(&view.sessions()), ["a"], "a client that joins now has it");
    apply(&mut view, tombstone("a", unix_ms(1)), 2, unix_ms(1));
    let removed = vec![(guid("a"), Removal::Closed)];
    let expected = Changes {
        removed,
        ..Changes::default()
    };
    assert_eq!(view.take_changes(), expected);
    assert_eq!(view.traffic().appeared, 1);
}

#[test]
fn a_session_that_left_twice_between_two_frames_is_removed_once_for_its_last_reason() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    view.take_changes();
    view.tick(unix_ms(61_000));
    view.activity(
        &Activity::new(guid("a"), unix_ms(61_001), unix_ms(61_001)),
        unix_ms(61_001),
    );
    apply(&mut view, tombstone("a", unix_ms(61_002)), 2, unix_ms(61_002));
    assert_eq!(view.take_changes().removed, [(guid("a"), Removal::Closed)]);
}

#[test]
fn two_sessions_from_one_address_are_two_rows() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    apply(
        &mut view,
        record("b", Some(unix_ms(0)), unix_ms(0)),
        2,
        unix_ms(0),
    );
    assert_eq!(view.sessions().len(), 2);
    assert_eq!(view.stats(0, unix_ms(0)).companies, 1);
    assert!((view.stats(0, unix_ms(0)).average_visitors_per_company - 2.0).abs() < 1e-9);
}

#[test]
fn a_silent_session_goes_stale_and_comes_back_with_its_opened_time() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    view.take_changes();
    view.tick(unix_ms(60_000));
    assert!(!view.has_news());
    view.tick(unix_ms(61_000));
    assert_eq!(view.take_changes().removed, [(guid("a"), Removal::Stale)]);
    view.activity(
        &Activity::new(guid("a"), unix_ms(70_000), unix_ms(70_000)),
        unix_ms(70_000),
    );
    let changes = view.take_changes();
    assert_eq!(names(&changes.changed), ["a"]);
    assert_eq!(changes.changed[0].opened_at, unix_ms(0));
}

#[test]
fn a_session_that_came_back_goes_stale_again() {
    let mut view = View::new(STALE_AFTER);
    // As a gateway sees it that starts: the record of long ago first, and then what has happened since.
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(100_000),
    );
    view.activity(
        &Activity::new(guid("a"), unix_ms(95_000), unix_ms(95_000)),
        unix_ms(100_000),
    );
    assert_eq!(names(&view.take_changes().changed), ["a"]);
    view.tick(unix_ms(155_000));
    assert!(!view.has_news());
    view.tick(unix_ms(156_000));
    assert_eq!(view.take_changes().removed, [(guid("a"), Removal::Stale)]);
    // And each time it comes back.
    view.activity(
        &Activity::new(guid("a"), unix_ms(200_000), unix_ms(200_000)),
        unix_ms(200_000),
    );
    view.take_changes();
    view.tick(unix_ms(261_000));
    assert_eq!(view.take_changes().removed, [(guid("a"), Removal::Stale)]);
    for minute in 5..30 {
        view.tick(unix_ms(minute * 60_000));
    }
    assert!(view.entries.is_empty());
    assert!(view.derived.deadlines.due(unix_ms(Millis::MAX / 2)).is_empty());
}

#[test]
fn a_session_that_left_and_came_back_between_two_frames_is_not_removed() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    view.take_changes();
    view.tick(unix_ms(61_000));
    view.activity(
        &Activity::new(guid("a"), unix_ms(61_001), unix_ms(61_001)),
        unix_ms(61_001),
    );
    let changes = view.take_changes();
    assert_eq!((changes.removed.len(), changes.changed.len()), (0, 1));
}

#[test]
fn session_that_is_stale_on_arrival_is_never_shown() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(100_000),
    );
    assert_eq!(view.sessions(), []);
    assert!(!view.has_news());
}

#[test]
fn everything_is_forgotten_in_the_end() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    apply(&mut view, tombstone("b", unix_ms(0)), 2, unix_ms(0));
    view.activity(&Activity::new(guid("c"), unix_ms(0), unix_ms(0)), unix_ms(0));
    for minute in 1..30 {
        view.tick(unix_ms(minute * 60_000));
    }
    assert!(view.entries.is_empty());
    assert!(view.derived.deadlines.due(unix_ms(Millis::MAX / 2)).is_empty());
}

#[test]
fn a_closing_is_remembered_as_long_as_late_events_come() {
    let mut view = View::new(STALE_AFTER);
    apply(&mut view, tombstone("a", unix_ms(0)), 1, unix_ms(0));
    for minute in 1..20 {
        let now = unix_ms(minute * 60_000);
        view.activity(&Activity::new(guid("a"), now, now), now);
        view.tick(now);
    }
    apply(
        &mut view,
        record("a", Some(unix_ms(1_200_000)), unix_ms(1_200_000)),
        2,
        unix_ms(1_200_000),
    );
    assert_eq!(view.sessions(), []);
}

#[test]
fn a_lost_stream_is_put_back() {
    let mut view = View::new(STALE_AFTER);
    apply(
        &mut view,
        record("a", Some(unix_ms(0)), unix_ms(0)),
        1,
        unix_ms(0),
    );
    apply(&mut view, tombstone("b", unix_ms(0)), 2, unix_ms(0));
    assert_eq!(view.write_backs(10, unix_ms(0), false), []);
    view.stream_lost();
    let writes = view.write_backs(10, unix_ms(0), false);
    assert_eq!(writes.len(), 2);
    assert!(writes.iter().all(|write| write.expected == 0));
    assert_eq!(view.write_backs(10, unix_ms(0), false), []);
}

#[test]
fn nothing_is_concluded_from_silence_during_an_interruption() {
    let mut view = View::new(STALE_AFTER);
    for (name, at) in [("silent", unix_ms(0)), ("active", unix_ms(100_000))] {
        apply(&mut view, record(name, Some(at), at), 1, unix_ms(100_000));
    }
    view.stream_lost();
    let written = |writes: Vec<WriteBack>| -> Vec<_> {
        let writes = writes.into_iter();
        writes
            .map(|write| (write.message.guid().to_string(), write.ttl))
            .collect()
    };
    let active = ("active".to_owned(), RECORD_TTL);
    assert_eq!(written(view.write_backs(10, unix_ms(100_000), true)), [active]);
    // It has another event, and then the same silence again.
    view.activity(
        &Activity::new(guid("silent"), unix_ms(1), unix_ms(1)),
        unix_ms(100_000),
    );
    assert_eq!(view.write_backs(10, unix_ms(100_000), true), []);
    let silent = ("silent".to_owned(), STALE_RECORD_TTL);
    assert_eq!(written(view.write_backs(10, unix_ms(100_000), false)), [silent]);
    assert_eq!(view.write_backs(10, unix_ms(100_000), false), []);
}

#[test]
fn write_backs_are_bounded() {
    let mut view = View::new(STALE_AFTER);
    for name in ["a", "b", "c"] {
        apply(
            &mut view,
            record(name, Some(unix_ms(0)), unix_ms(0)),
            1,
            unix_ms(0),
        );
    }
    view.stream_lost();
    assert_eq!(view.write_backs(2, unix_ms(0), false).len(), 2);
    assert_eq!(view.write_backs(2, unix_ms(0), false).len(), 1);
}

#[test]
fn sessions_that_say_the_same_share_it() {
    let mut view = View::new(STALE_AFTER);
    for name in ["a", "b"] {
        let said = serde_json::to_vec(&record(name, Some(unix_ms(0)), unix_ms(0))).unwrap();
        let said: SessionMessage = serde_json::from_slice(&said).unwrap();
        let stored = StoredMessage::new(&said, 1, Some(RECORD_TTL), unix_ms(0));
        view.message(said, stored, unix_ms(0));
    }
    let sessions = view.sessions();
    let company = |index: usize| sessions[index].company.as_ref().unwrap();
    assert!(Arc::ptr_eq(company(0), company(1)));
}
