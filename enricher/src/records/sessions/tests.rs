use super::*;
use protocol::time::unix_ms;
use protocol::{Profile, SeenReferrer};

/// 75 s.
const RENEW_AFTER: Millis = 75_000;

fn guid() -> Guid {
    Guid::new("a").unwrap()
}

fn sighting(opening: bool, at: Timestamp) -> Sighting {
    Sighting {
        guid: guid(),
        ip: "::1".into(),
        opening,
        at,
        received_at: at,
        page: None,
        referrer: None,
    }
}

fn see(sessions: &mut Sessions<u8>, sighting: Sighting, now: Millis) -> Action {
    let action = sessions.decide(&sighting.guid, sighting.times(), now);
    if action == Action::Defer {
        sessions.defer(sighting, 7);
    }
    action
}

fn tombstone() -> Tombstone {
    Tombstone {
        guid: guid(),
        closed_at: unix_ms(50),
        received_at: unix_ms(50),
        hidden: false,
        ttl: tombstone_ttl(REMEMBER_CLOSINGS),
    }
}

fn out(opened_at: Option<Timestamp>, first_seen_at: Timestamp) -> Sessions<u8> {
    let mut sessions = Sessions::default();
    sessions.begin_publish(&guid(), 0);
    let published = Published {
        opened_at,
        first_seen_at,
        published_at: 0,
        unidentified: false,
        referrer_at: None,
    };
    sessions.end_publish(&guid(), PublishOutcome::Published(published));
    sessions
}

#[test]
fn new_session_is_identified() {
    let mut sessions = Sessions::default();
    assert_eq!(
        see(&mut sessions, sighting(true, unix_ms(1)), 1),
        Action::Identify
    );
}

#[test]
fn events_during_a_publish_are_deferred() {
    let mut sessions = Sessions::default();
    sessions.begin_publish(&guid(), 0);
    assert_eq!(see(&mut sessions, sighting(false, unix_ms(2)), 2), Action::Defer);
    let published = Published {
        opened_at: Some(unix_ms(1)),
        first_seen_at: unix_ms(1),
        published_at: 0,
        unidentified: false,
        referrer_at: None,
    };
    assert_eq!(
        sessions.end_publish(&guid(), PublishOutcome::Published(published)),
        [(sighting(false, unix_ms(2)), 7)]
    );
    assert_eq!(see(&mut sessions, sighting(false, unix_ms(2)), 3), Action::Touch);
}

#[test]
fn opening_updates_a_record_without_one() {
    assert!(matches!(
        see(&mut out(None, unix_ms(5)), sighting(true, unix_ms(9)), 9),
        Action::Update
    ));
    assert!(matches!(
        see(
            &mut out(Some(unix_ms(5)), unix_ms(5)),
            sighting(true, unix_ms(4)),
            9
        ),
        Action::Update
    ));
    assert!(matches!(
        see(
            &mut out(Some(unix_ms(5)), unix_ms(5)),
            sighting(true, unix_ms(5)),
            9
        ),
        Action::Touch
    ));
}

#[test]
fn earlier_keep_alive_counts_only_without_an_opening() {
    assert!(matches!(
        see(&mut out(None, unix_ms(5)), sighting(false, unix_ms(4)), 9),
        Action::Update
    ));
    assert!(matches!(
        see(
            &mut out(Some(unix_ms(5)), unix_ms(5)),
            sighting(false, unix_ms(4)),
            9
        ),
        Action::Touch
    ));
}

#[test]
fn unidentified_session_is_touched_and_still_looked_up() {
    let mut sessions = Sessions::default();
    sessions.begin_publish(&guid(), 0);
    let published = Published {
        opened_at: Some(unix_ms(1)),
        first_seen_at: unix_ms(1),
        published_at: 0,
        unidentified: true,
        referrer_at: None,
    };
    sessions.end_publish(&guid(), PublishOutcome::Published(published));
    assert!(sessions.may_be_shown_unidentified(&guid()));
    assert!(matches!(
        see(&mut sessions, sighting(false, unix_ms(9)), 9),
        Action::TouchAndIdentify
    ));
}

#[test]
fn session_shown_unidentified_adopts_what_another_enricher_has_published() {
    let unidentified = |unidentified| Published {
        opened_at: Some(unix_ms(1)),
        first_seen_at: unix_ms(1),
        published_at: 0,
        unidentified,
        referrer_at: None,
    };
    for (stored, expected) in [
        (PublishOutcome::Published(unidentified(false)), Action::Touch),
        (PublishOutcome::Closed(tombstone(), 0), Action::Ignore),
        (PublishOutcome::Hidden, Action::Hide),
    ] {
        let mut sessions = out(Some(unix_ms(1)), unix_ms(1));
        sessions.adopt(&guid(), PublishOutcome::Published(unidentified(true)), 1);
        assert_eq!(
            see(&mut sessions, sighting(false, unix_ms(2)), 2),
            Action::TouchAndIdentify
        );
        sessions.adopt(&guid(), stored, 3);
        assert_eq!(see(&mut sessions, sighting(false, unix_ms(2)), 4), expected);
        // A closing or a hidden company is final.
        if expected != Action::Touch {
            sessions.adopt(&guid(), PublishOutcome::Published(unidentified(true)), 5);
            assert_eq!(see(&mut sessions, sighting(false, unix_ms(2)), 6), expected);
        }
    }
}

#[test]
fn old_record_is_published_again() {
    let late = RECORD_HALF_LIFE + 1;
    assert!(matches!(
        see(
            &mut out(Some(unix_ms(5)), unix_ms(5)),
            sighting(false, unix_ms(late)),
            late
        ),
        Action::Update
    ));
}

#[test]
fn closed_session_stays_closed_and_its_tombstone_is_renewed() {
    let mut sessions = out(Some(unix_ms(5)), unix_ms(5));
    sessions.close(tombstone(), 50);
    assert_eq!(
        see(&mut sessions, sighting(true, unix_ms(60)), 60),
        Action::Ignore
    );
    let late = 50 + RENEW_AFTER + 1;
    assert!(matches!(
        see(&mut sessions, sighting(false, unix_ms(late)), late),
        Action::Renew(_)
    ));
    assert_eq!(
        see(&mut sessions, sighting(false, unix_ms(late)), late),
        Action::Ignore
    );
}

#[test]
fn old_tombstone_found_in_the_stream_is_renewed_at_once() {
    let mut sessions = Sessions::default();
    let now = RENEW_AFTER + 100;
    sessions.begin_publish(&guid(), now);
    sessions.end_publish(&guid(), PublishOutcome::Closed(tombstone(), 50));
    assert!(matches!(
        see(&mut sessions, sighting(false, unix_ms(now)), now),
        Action::Renew(_)
    ));
}

#[test]
fn closing_during_a_publish_wins() {
    let mut sessions = Sessions::default();
    sessions.begin_publish(&guid(), 0);
    see(&mut sessions, sighting(false, unix_ms(2)), 2);
    assert_eq!(
        sessions.close(tombstone(), 50),
        [(sighting(false, unix_ms(2)), 7)]
    );
    let published = Published {
        opened_at: None,
        first_seen_at: unix_ms(1),
        published_at: 0,
        unidentified: false,
        referrer_at: None,
    };
    assert!(
        sessions
            .end_publish(&guid(), PublishOutcome::Published(published))
            .is_empty()
    );
    assert_eq!(
        see(&mut sessions, sighting(false, unix_ms(60)), 60),
        Action::Ignore
    );
}

#[test]
fn idle_sessions_are_forgotten() {
    let mut sessions = out(Some(unix_ms(5)), unix_ms(5));
    sessions.forget_idle(FORGET_AFTER);
    assert_eq!(sessions.count(), 1);
    sessions.forget_idle(FORGET_AFTER + SWEEP_EVERY - 1);
    assert_eq!(sessions.count(), 1, "the last sweep was just now");
    sessions.forget_idle(FORGET_AFTER + SWEEP_EVERY);
    assert_eq!(sessions.count(), 0);
}

#[test]
fn lost_stream_forgets_records_and_renews_tombstones() {
    let mut sessions = out(Some(unix_ms(5)), unix_ms(5));
    sessions.reconnected(false);
    assert_eq!(sessions.count(), 1);
    sessions.reconnected(true);
    assert_eq!(sessions.count(), 0);
    sessions.close(tombstone(), RENEW_AFTER);
    sessions.reconnected(true);
    assert!(matches!(
        see(&mut sessions, sighting(false, unix_ms(60)), RENEW_AFTER + 1),
        Action::Renew(_)
    ));
}

#[test]
fn record_without_a_referrer_is_updated_once_an_event_reports_one() {
    let with_referrer_at = |at| Sighting {
        referrer: Some(SeenReferrer {
            at,
            url: "https://search.example/".into(),
        }),
        ..sighting(false, at)
    };
    let mut sessions = out(Some(unix_ms(5)), unix_ms(5));
    assert_eq!(
        see(&mut sessions, sighting(false, unix_ms(10)), 10),
        Action::Touch
    );
    assert_eq!(
        see(&mut sessions, with_referrer_at(unix_ms(20)), 20),
        Action::Update
    );
    let record = with_referrer_at(unix_ms(20)).record(Profile::default());
    sessions.end_publish(&guid(), PublishOutcome::Published(Published::of(&record, 0)));
    assert_eq!(
        see(&mut sessions, with_referrer_at(unix_ms(30)), 30),
        Action::Touch
    );
}
