use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::{Message, WebSocket, protocol::Role};

use super::*;
use crate::event::{Event, EventKind};

/// What a client reads from the frames.
fn events(frames: &[u8]) -> Vec<Event> {
    let mut socket = WebSocket::from_raw_socket(std::io::Cursor::new(frames.to_vec()), Role::Client, None);
    std::iter::from_fn(|| socket.read().ok())
        .map(|message| match message {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn the_active_sessions_are_those_that_the_events_leave(seed: u64, sessions in 1_usize..200, batches in 1_i64..20) {
        let mut load = Load::new(&LoadConfig { sessions, seed, ..LoadConfig::default() });
        let mut frames = BytesMut::new();
        for batch in 0..batches {
            let tally = load.write(100, batch * 1_000, &mut frames);
            prop_assert_eq!(tally.events(), 100);
        }
        let mut live = HashMap::new();
        for event in events(&frames) {
            let at = event.timestamp_ms().unwrap();
            match event.kind {
                EventKind::SessionOpened => prop_assert!(live.insert(event.guid, (event.ip, at, at)).is_none()),
                EventKind::KeepAlive => live.get_mut(&event.guid).unwrap().2 = at,
                EventKind::SessionClosed => prop_assert!(live.remove(&event.guid).is_some()),
            }
        }
        let expected: HashMap<_, _> = load
            .active()
            .map(|session| (session.guid, (session.ip, session.opened_at_ms, session.last_activity_at_ms)))
            .collect();
        prop_assert_eq!(live, expected);
    }
}

#[test]
fn the_real_mix_is_as_described() {
    let config = LoadConfig {
        sessions: 10_000,
        addresses: 10_000,
        ..LoadConfig::default()
    };
    let mut load = Load::new(&config);
    load.write(60_000, 0, &mut BytesMut::new());
    let active: Vec<_> = load.active().collect();
    let share = |property: &dyn Fn(&ActiveSession) -> bool| {
        active.iter().filter(|session| property(session)).count() as f64 / active.len() as f64
    };
    assert!((0.23..0.29).contains(&share(&|session| session.kind.is_data_centre())));
    assert!((0.09..0.13).contains(&share(&|session| session.kind == crate::world::Kind::Unknown)));
    let addresses: HashSet<_> = active.iter().map(|session| &session.ip).collect();
    assert!((5_000..=10_000).contains(&addresses.len()), "{}", addresses.len());
}

#[test]
fn churn_is_a_share_of_the_steps() {
    let mut load = Load::new(&LoadConfig::default());
    load.write(1_000, 0, &mut BytesMut::new());
    let tally = load.write(118_000, 0, &mut BytesMut::new());
    assert!((17_000..19_000).contains(&tally.session_closed), "{tally:?}");
    assert!(
        tally.session_opened.abs_diff(tally.session_closed) <= 1,
        "{tally:?}"
    );
}
