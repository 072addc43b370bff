use std::sync::Arc;
use std::time::Duration;

use protocol::frame::VisibleSession;
use protocol::record::Company;
use protocol::{Millis, Timestamp};
use simulator::emitter::SentEvent;
use simulator::event::EventKind;
use simulator::world::{Kind, World};

use super::samples::row;
use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);
const SECOND: Millis = 1_000;

static NONE_HIDDEN: HiddenCompanies = HiddenCompanies::none();

fn circumstances() -> Circumstances<'static> {
    Circumstances {
        world: World::new(0),
        hidden: &NONE_HIDDEN,
        late: &[],
        stale_after: Duration::from_mins(1),
        slack: Duration::from_millis(500),
        now: NOW,
    }
}

/// An event that happened and was sent `ago` seconds in the past.
fn event(kind: EventKind, guid: &str, ago: Millis) -> SentEvent {
    let at = NOW - ago * SECOND;
    SentEvent {
        kind,
        guid: guid.into(),
        ip: World::new(0).ip(Kind::Unknown, 1),
        timestamp_ms: Some(at.unix_ms()),
        sent_at_ms: at.unix_ms(),
        clients: 1,
    }
}

fn opened(ago: Millis) -> SentEvent {
    event(EventKind::SessionOpened, "a", ago)
}

fn keep_alive(ago: Millis) -> SentEvent {
    event(EventKind::KeepAlive, "a", ago)
}

fn closed(ago: Millis) -> SentEvent {
    event(EventKind::SessionClosed, "a", ago)
}

fn the_one(events: &[SentEvent]) -> Option<ExpectedSession> {
    ExpectedView::after_events(events, circumstances())
        .sessions
        .remove("a")
}

fn opened_ago(events: &[SentEvent], ago: Millis) -> bool {
    the_one(events).unwrap().opened_at == Span::exactly(NOW - ago * SECOND)
}

#[test]
fn opened_by_the_opening_else_by_the_earliest_keep_alive() {
    assert!(opened_ago(&[keep_alive(9), keep_alive(12), keep_alive(8)], 12));
    assert!(opened_ago(&[keep_alive(9), opened(7), keep_alive(5)], 7));
    assert!(opened_ago(&[opened(7), opened(8), opened(6)], 8));
}

#[test]
fn last_active_at_the_latest_of_all_events() {
    let session = the_one(&[keep_alive(9), opened(7), keep_alive(8)]).unwrap();
    assert_eq!(session.last_activity_at, Span::exactly(NOW - 7 * SECOND));
}

#[test]
fn closed_for_good() {
    assert_eq!(the_one(&[closed(9), opened(8), keep_alive(7)]), None);
}

#[test]
fn stale_after_silence_and_uncertain_around_it() {
    assert_eq!(the_one(&[opened(61)]), None);
    assert!(the_one(&[opened(60)]).unwrap().may_be_missing);
    assert!(!the_one(&[opened(59)]).unwrap().may_be_missing);
    assert!(opened_ago(&[opened(100), keep_alive(1)], 100));
}

#[test]
fn told_apart_by_guid_in_any_case() {
    let other = event(EventKind::KeepAlive, "b", 1);
    let upper = event(EventKind::SessionOpened, "A", 3);
    let view = ExpectedView::after_events(&[keep_alive(2), other, upper], circumstances()).sessions;
    assert_eq!(view.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(view["a"].opened_at, Span::exactly(NOW - 3 * SECOND));
}

#[test]
fn unbelievable_timestamps_are_the_time_of_receipt() {
    for stamped_at in [None, Some(NOW + 3_600 * SECOND), Some(NOW - 700 * SECOND)] {
        let session = the_one(&[SentEvent {
            timestamp_ms: stamped_at.map(Timestamp::unix_ms),
            ..opened(5)
        }])
        .unwrap();
        let sent_at = NOW - 5 * SECOND;
        assert_eq!(
            session.opened_at,
            Span {
                from: sent_at - 100,
                to: sent_at + 500
            }
        );
    }
}

#[test]
fn hidden_and_lost_sessions_are_not_expected() {
    let hidden = SentEvent {
        ip: World::new(0).ip(Kind::NexaCore, 1),
        ..opened(1)
    };
    assert_eq!(the_one(&[hidden]), None);
    let lost = SentEvent {
        clients: 0,
        ..opened(1)
    };
    assert_eq!(the_one(&[lost]), None);
}

#[test]
fn read_late_is_received_late() {
    let late = [LateReading {
        from: NOW - 80 * SECOND,
        to: NOW - 50 * SECOND,
    }];
    let circumstances = Circumstances {
        late: &late,
        ..circumstances()
    };
    let no_timestamp = SentEvent {
        timestamp_ms: None,
        ..opened(75)
    };
    let session = ExpectedView::after_events(&[no_timestamp], circumstances)
        .sessions
        .remove("a")
        .unwrap();
    assert!(session.may_be_missing, "the other ingestor read it in time");
    assert!(session.opened_at.contains(NOW - 50 * SECOND));
    let on_time = ExpectedView::after_events(&[opened(85)], circumstances).sessions;
    assert!(on_time.is_empty(), "{on_time:?}");
}

#[test]
fn hidden_company_has_no_rows_and_a_released_one_may_have_any() {
    let world = World::new(0);
    let ip = world.ip(Kind::CompanyOnly, 1);
    let mut hidden = HiddenCompanies::default();
    hidden.hide(&company_of(world, &ip).unwrap());
    let event = SentEvent { ip, ..opened(1) };
    let events = std::slice::from_ref(&event);
    let expected = |hidden: &HiddenCompanies| {
        let circumstances = Circumstances {
            hidden,
            ..circumstances()
        };
        ExpectedView::after_events(events, circumstances)
            .sessions
            .remove("a")
    };
    assert_eq!(expected(&hidden), None);
    hidden.release_all();
    assert!(expected(&hidden).unwrap().may_be_missing);
    assert!(!expected(&NONE_HIDDEN).unwrap().may_be_missing);
}

fn shown(guid: &str, opened_ago: Millis) -> VisibleSession {
    let opened_at = NOW - opened_ago * SECOND;
    row(guid, &opened(0).ip, opened_at, opened_at)
}

fn judge(events: &[SentEvent], shown: &[VisibleSession]) -> Vec<String> {
    let shown = shown
        .iter()
        .map(|session| (session.guid.to_string(), session.clone()))
        .collect();
    ExpectedView::after_events(events, circumstances())
        .differences(&shown)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_right_view_has_no_differences() {
    assert!(judge(&[opened(5)], &[shown("a", 5)]).is_empty());
    assert!(judge(&[opened(60)], &[]).is_empty());
}

#[test]
fn missing_sessions_and_ghosts() {
    assert_eq!(judge(&[opened(5)], &[]), ["a is missing"]);
    assert_eq!(judge(&[], &[shown("a", 5)]), ["a is a ghost"]);
}

#[test]
fn wrong_times_and_profiles() {
    let mut session = shown("a", 4);
    session.company = Some(Arc::new(Company {
        guid: "c".into(),
        name: "Lumen".into(),
        domain: "lumen.example".into(),
    }));
    let differences = judge(&[opened(5)], &[session]);
    let begins = [
        "a has a wrong opened time",
        "a has a wrong last activity",
        "a has a wrong company",
    ];
    assert_eq!(differences.len(), begins.len(), "{differences:?}");
    assert!(
        differences
            .iter()
            .zip(begins)
            .all(|(difference, begin)| difference.starts_with(begin))
    );
}

#[test]
fn contacts_are_expected_with_business_addresses_only() {
    let world = World::new(0);
    let ip = world.ip(Kind::MixedEmails, 1);
    let contact = comparison::contact(&world.answer(&ip)).unwrap();
    assert!(!contact.email_addresses.is_empty());
    assert!(
        contact
            .email_addresses
            .iter()
            .all(|address| address.contains(".example"))
    );
}
