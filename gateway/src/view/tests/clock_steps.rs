//! Steps of the NATS server's clock do not change the view.

use std::time::Duration;

use proptest::prelude::*;
use protocol::stream::RECORD_TTL;
use protocol::{Activity, Guid, Millis, Profile, Record, SessionMessage, Timestamp, Tombstone};

use crate::view::View;
use crate::view::write_back::StoredMessage;

const STALE_AFTER: Duration = Duration::from_mins(1);
const START: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);
const HOUR: Millis = 3_600_000;

/// A message that the view receives.
#[derive(Clone, Copy, Debug)]
enum Event {
    Record,
    Activity,
    Closing,
}

fn guid(name: &str) -> Guid {
    Guid::new(name).unwrap()
}

fn apply(view: &mut View, name: &str, event: Event, at: Timestamp) {
    let message = match event {
        Event::Activity => return view.activity(&Activity::new(guid(name), at, at), at),
        Event::Record => SessionMessage::Record(Record {
            guid: guid(name),
            ip: "::1".into(),
            opened_at: Some(at),
            first_seen_at: at,
            last_activity_at: at,
            received_at: at,
            identified_at: None,
            profile: Profile::default(),
            unidentified: false,
            page: None,
            referrer: None,
        }),
        Event::Closing => SessionMessage::Tombstone(Tombstone {
            guid: guid(name),
            closed_at: at,
            received_at: at,
            hidden: false,
            ttl: protocol::stream::tombstone_ttl(protocol::stream::REMEMBER_CLOSINGS),
        }),
    };
    let stored = StoredMessage::new(&message, 1, Some(RECORD_TTL), at);
    view.message(message, stored, at);
}

fn shown(view: &View) -> Vec<String> {
    let mut names: Vec<_> = view
        .sessions()
        .iter()
        .map(|session| session.guid.to_string())
        .collect();
    names.sort();
    names
}

#[test]
fn a_step_back_leaves_nothing_in_the_future() {
    let mut view = View::new(STALE_AFTER);
    apply(&mut view, "a", Event::Record, START);
    view.take_changes();
    view.shift(-HOUR, START - HOUR, START - HOUR);
    let session = &view.take_changes().changed[0];
    assert_eq!(
        (session.opened_at, session.last_activity_at),
        (START - HOUR, START - HOUR)
    );
    assert!(view.stats(0, START - HOUR).average_session_seconds >= 0.0);
}

proptest! {
    /// Steps of the clock do not change which sessions are shown, nor when they appear and leave.
    #[test]
    fn a_step_removes_no_session_and_keeps_none(
        events in proptest::collection::vec(
            (
                (0..80_i64).prop_map(|spans| spans * 250),
                proptest::sample::select(vec!["a", "b", "c"]),
                proptest::sample::select(vec![Event::Record, Event::Activity, Event::Closing]),
                // Whole spans of deadlines, like the times, so that both views look at a session at the same time.
                prop_oneof![4 => Just(0), 1 => (-14_400..14_400_i64).prop_map(|spans| spans * 250)],
            ),
            0..40,
        ),
    ) {
        let (mut steady, mut stepping) = (View::new(STALE_AFTER), View::new(STALE_AFTER));
        let (mut now, mut stepped) = (START, 0);
        for (after, name, event, step) in events {
            now += after;
            if step != 0 {
                stepped += step;
                stepping.shift(step, now + stepped, now + stepped);
            }
            steady.tick(now);
            stepping.tick(now + stepped);
            apply(&mut steady, name, event, now);
            apply(&mut stepping, name, event, now + stepped);
            prop_assert_eq!(shown(&steady), shown(&stepping));
            prop_assert_eq!(steady.count(), stepping.count());
        }
        for later in [0, 30_000, 60_300, 400_000, 3 * HOUR] {
            steady.tick(now + later);
            stepping.tick(now + stepped + later);
            prop_assert_eq!(shown(&steady), shown(&stepping));
            prop_assert_eq!(steady.entries.len(), stepping.entries.len(), "all are remembered as long");
        }
    }
}
