//! Records and tombstones.

#![no_main]

use fuzz::assert_shown_by_every_clock;
use libfuzzer_sys::fuzz_target;
use protocol::{SessionMessage, ip};

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = serde_json::from_slice::<SessionMessage>(bytes) else {
        return;
    };
    match &message {
        SessionMessage::Record(record) => {
            assert!(ip::is_plausible(&record.ip));
            assert_shown_by_every_clock(record.shown_opened_at());
            assert_shown_by_every_clock(record.last_activity_at);
        }
        SessionMessage::Tombstone(tombstone) => assert_shown_by_every_clock(tombstone.closed_at),
    }
    let written = serde_json::to_vec(&message).expect("it can be written");
    let again: SessionMessage = serde_json::from_slice(&written).expect("it can be read again");
    assert_eq!(again, message);
});
