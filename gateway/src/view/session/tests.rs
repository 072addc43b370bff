use super::*;
use proptest::prelude::*;
use protocol::stream::{REMEMBER_CLOSINGS, tombstone_ttl};
use protocol::time::unix_ms;
use protocol::{Company, Guid, Page, Profile, SeenReferrer};
use std::sync::Arc;

const STALE_AFTER: Duration = Duration::from_mins(1);

fn guid() -> Guid {
    Guid::new("a").unwrap()
}

fn record(opened_at: Option<Timestamp>, at: Timestamp) -> SessionMessage {
    SessionMessage::Record(Record {
        guid: guid(),
        ip: "::1".into(),
        opened_at,
        first_seen_at: at,
        last_activity_at: at,
        received_at: at,
        profile: Profile::default(),
        unidentified: false,
        page: None,
        referrer: None,
        identified_at: None,
    })
}

fn page(at: Timestamp, url: &str) -> SeenPage {
    SeenPage {
        at,
        page: Arc::new(Page {
            url: url.into(),
            title: "".into(),
        }),
    }
}

fn times(range: std::ops::Range<i64>) -> impl Strategy<Value = Timestamp> {
    range.prop_map(unix_ms)
}

fn any_url() -> impl Strategy<Value = Option<&'static str>> {
    proptest::option::of(proptest::sample::select(vec!["/a", "/b"]))
}

/// Records with different identities and addresses.
fn any_record() -> impl Strategy<Value = SessionMessage> {
    let company = proptest::option::of(proptest::sample::select(vec!["a", "b"]));
    let ip = proptest::sample::select(vec!["::1", "::2"]);
    let finding = (ip, company, any::<bool>(), proptest::option::of(times(0..3)));
    let events = (any::<bool>(), times(0..100));
    let visit = (any_url(), any_url());
    (events, finding, visit).prop_map(
        |((opening, at), (ip, company, unidentified, identified_at), (url, referrer))| {
            let SessionMessage::Record(record) = record(opening.then_some(at), at) else {
                unreachable!()
            };
            let company = company.map(|name| {
                Arc::new(Company {
                    guid: name.into(),
                    name: name.into(),
                    domain: "c.example".into(),
                })
            });
            SessionMessage::Record(Record {
                ip: ip.into(),
                profile: Profile {
                    company,
                    contact: None,
                    ..Profile::default()
                },
                unidentified,
                identified_at,
                page: url.map(|url| page(at, url)),
                referrer: referrer.map(|url| SeenReferrer { at, url: url.into() }),
                ..record
            })
        },
    )
}

fn tombstone(at: Timestamp) -> SessionMessage {
    SessionMessage::Tombstone(Tombstone {
        guid: guid(),
        closed_at: at,
        received_at: at,
        hidden: false,
        ttl: tombstone_ttl(REMEMBER_CLOSINGS),
    })
}

fn activity(at: Timestamp) -> Activity {
    Activity::new(guid(), at, at)
}

fn opened(session: &Session) -> &Record {
    match session {
        Session::Opened(record) => record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_activity_before_its_record_is_not_lost() {
    let mut session = Session::of_activity(&activity(unix_ms(50)));
    assert_eq!(session.active(STALE_AFTER, unix_ms(50)), None);
    session.fold_message(record(Some(unix_ms(10)), unix_ms(10)));
    assert_eq!(opened(&session).last_activity_at, unix_ms(50));
    assert_eq!(opened(&session).shown_opened_at(), unix_ms(10));
}

#[test]
fn an_opening_that_comes_late_sets_the_opened_time() {
    let mut session = Session::of_message(record(None, unix_ms(5)));
    assert_eq!(opened(&session).shown_opened_at(), unix_ms(5));
    session.fold_message(record(Some(unix_ms(7)), unix_ms(7)));
    assert_eq!(opened(&session).shown_opened_at(), unix_ms(7));
}

#[test]
fn nothing_brings_a_closed_session_back() {
    let mut session = Session::of_message(record(Some(unix_ms(1)), unix_ms(1)));
    session.fold_message(tombstone(unix_ms(10)));
    session.fold_activity(&activity(unix_ms(20)));
    session.fold_message(record(Some(unix_ms(30)), unix_ms(30)));
    assert!(matches!(session, Session::Closed { heard_at, .. } if heard_at == unix_ms(30)));
    assert_eq!(session.active(STALE_AFTER, unix_ms(30)), None);
}

#[test]
fn stale_after_more_than_the_time_allowed() {
    let session = Session::of_message(record(Some(unix_ms(0)), unix_ms(0)));
    assert!(session.active(STALE_AFTER, unix_ms(60_000)).is_some());
    assert!(session.active(STALE_AFTER, unix_ms(60_001)).is_none());
    assert_eq!(session.deadline(STALE_AFTER, unix_ms(0)), unix_ms(60_001));
    assert_eq!(
        session.deadline(STALE_AFTER, unix_ms(60_001)),
        unix_ms(60_001) + STALE_RECORD_TTL
    );
}

#[test]
fn a_keep_alive_brings_a_stale_session_back_with_its_opened_time() {
    let mut session = Session::of_message(record(Some(unix_ms(0)), unix_ms(0)));
    assert!(session.active(STALE_AFTER, unix_ms(100_000)).is_none());
    session.fold_activity(&activity(unix_ms(100_000)));
    assert_eq!(
        session
            .active(STALE_AFTER, unix_ms(100_000))
            .unwrap()
            .shown_opened_at(),
        unix_ms(0)
    );
}

#[test]
fn late_events_renew_the_memory_of_a_closing() {
    let mut session = Session::of_message(tombstone(unix_ms(0)));
    assert_eq!(
        session.deadline(STALE_AFTER, unix_ms(0)),
        unix_ms(0) + tombstone_ttl(REMEMBER_CLOSINGS)
    );
    session.fold_activity(&activity(unix_ms(500_000)));
    assert_eq!(
        session.deadline(STALE_AFTER, unix_ms(0)),
        unix_ms(500_000) + tombstone_ttl(REMEMBER_CLOSINGS)
    );
}

#[derive(Clone, Debug)]
enum Input {
    Message(SessionMessage),
    Activity(Activity),
}

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    let input = prop_oneof![
        3 => any_record().prop_map(Input::Message),
        4 => (times(0..100), any_url()).prop_map(|(at, url)| Input::Activity(Activity {
            page: url.map(|url| page(at, url)),
            ..activity(at)
        })),
        1 => times(0..100).prop_map(|at| Input::Message(tombstone(at))),
    ];
    proptest::collection::vec(input, 1..12)
}

fn fold(inputs: &[Input]) -> Session {
    let mut session: Option<Session> = None;
    for input in inputs.iter().cloned() {
        match (&mut session, input) {
            (Some(session), Input::Message(message)) => session.fold_message(message),
            (Some(session), Input::Activity(activity)) => session.fold_activity(&activity),
            (none, Input::Message(message)) => *none = Some(Session::of_message(message)),
            (none, Input::Activity(activity)) => *none = Some(Session::of_activity(&activity)),
        }
    }
    session.unwrap()
}

proptest! {
    #[test]
    fn order_and_repetition_make_no_difference(
        (inputs, shuffled) in inputs().prop_flat_map(|inputs| {
            let twice = inputs.iter().chain(&inputs).cloned().collect::<Vec<_>>();
            (Just(inputs), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(fold(&inputs), fold(&shuffled));
    }

    /// The rules of a session, expressed in another way.
    #[test]
    fn agrees_with_the_rules(inputs in inputs()) {
        let session = fold(&inputs);
        let messages = || inputs.iter().filter_map(|input| match input { Input::Message(message) => Some(message), Input::Activity(_) => None });
        let closed = messages().any(|message| matches!(message, SessionMessage::Tombstone(_)));
        let records: Vec<_> = messages().filter_map(|message| match message { SessionMessage::Record(record) => Some(record), SessionMessage::Tombstone(_) => None }).collect();
        let times = || inputs.iter().filter_map(|input| match input {
            Input::Message(SessionMessage::Record(record)) => Some(record.last_activity_at),
            Input::Message(SessionMessage::Tombstone(_)) => None,
            Input::Activity(Activity { at, .. }) => Some(*at),
        });
        match session.active(STALE_AFTER, unix_ms(100)) {
            None => prop_assert!(closed || records.is_empty()),
            Some(record) => {
                prop_assert!(!closed);
                let opening = records.iter().filter_map(|record| record.opened_at).min();
                prop_assert_eq!(record.shown_opened_at(), opening.or_else(|| times().min()).unwrap());
                prop_assert_eq!(record.last_activity_at, times().max().unwrap());
                let pages = inputs.iter().filter_map(|input| match input {
                    Input::Message(SessionMessage::Record(record)) => record.page.as_ref(),
                    Input::Message(SessionMessage::Tombstone(_)) => None,
                    Input::Activity(activity) => activity.page.as_ref(),
                });
                prop_assert_eq!(record.page.as_ref(), pages.max(), "the page of the latest event that has one");
                let referrers = records.iter().filter_map(|record| record.referrer.as_ref());
                prop_assert_eq!(record.referrer.as_ref(), referrers.min(), "the referrer of the earliest");
                let believed = records.iter().map(|record| record.identity()).max();
                prop_assert_eq!(Some(record.identity()), believed);
            }
        }
    }
}
