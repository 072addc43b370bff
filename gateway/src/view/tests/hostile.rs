//! The view accepts any content of the streams without a panic, and always makes valid frames.

use std::borrow::Cow;
use std::time::Duration;

use hostile::{Door, Input, config};
use proptest::prelude::*;
use protocol::frame::{Delta, Frame, Snapshot};
use protocol::{Activity, Millis, SessionMessage, Timestamp};

use crate::pipeline::statuses::Statuses;
use crate::view::write_back::StoredMessage;
use crate::view::{Changes, View};

const NOW: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);

/// A message from NATS: its stream, its bytes, and the time since the message before it, in ms.
type Received = (Door, Input, Millis);

fn received() -> impl Strategy<Value = Received> {
    let doors = [Door::Sessions, Door::Activity, Door::Statuses];
    let received = doors.map(|door| {
        let after = prop_oneof![Just(0), 0..200_000i64];
        (Just(door), door.mutants().unwrap(), after).boxed()
    });
    proptest::strategy::Union::new(received)
}

/// Applies a message as the hub does, if it can be parsed.
fn apply(view: &mut View, statuses: &mut Statuses, (door, bytes, _): &Received, now: Timestamp) {
    match door {
        Door::Sessions => {
            if let Ok(message) = serde_json::from_slice::<SessionMessage>(bytes) {
                let stored = StoredMessage::new(&message, 1, None, now);
                view.message(message, stored, now);
            }
        }
        Door::Activity => {
            for activity in serde_json::from_slice::<Vec<Activity>>(bytes).unwrap_or_default() {
                view.activity(&activity, now);
            }
        }
        _ => {
            if let Ok(status) = serde_json::from_slice(bytes) {
                statuses.received(status, now - NOW);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..config() })]
    #[test]
    fn any_messages_make_valid_frames(all in proptest::collection::vec(received(), 0..8)) {
        let (mut view, mut statuses, mut now) = (View::new(Duration::from_mins(1)), Statuses::default(), NOW);
        for received in &all {
            now += received.2;
            apply(&mut view, &mut statuses, received, now);
            view.tick(now);
            view.write_backs(usize::MAX, now, false);
            let stats = view.stats(statuses.being_identified(), now);
            let Changes { changed, touched, removed } = view.take_changes();
            let frames = [
                Frame::Delta(Delta {
                    revision: 1,
                    now,
                    changed: Cow::Owned(changed),
                    touched: Cow::Owned(touched),
                    removed: Cow::Owned(removed),
                    stats,
                    pipeline: Some(Cow::Owned(statuses.pipeline())),
                }),
                Frame::Snapshot(Snapshot {
                    revision: 1,
                    now,
                    sessions: Cow::Owned(view.sessions()),
                    remaining: 0,
                    stats,
                    pipeline: Cow::Owned(statuses.pipeline()),
                }),
            ];
            for frame in frames {
                let written = serde_json::to_string(&frame).unwrap();
                let read = serde_json::from_str::<Frame<'_>>(&written);
                prop_assert!(read.is_ok(), "{:?}: {}", read, written);
            }
        }
    }
}
