//! Batches of activities.

#![no_main]

use fuzz::assert_shown_by_every_clock;
use libfuzzer_sys::fuzz_target;
use protocol::Activity;

fuzz_target!(|bytes: &[u8]| {
    let Ok(activities) = serde_json::from_slice::<Vec<Activity>>(bytes) else {
        return;
    };
    for activity in &activities {
        assert_shown_by_every_clock(activity.at);
        assert_shown_by_every_clock(activity.received_at);
    }
    let written = serde_json::to_vec(&activities).expect("they can be written");
    let again: Vec<Activity> = serde_json::from_slice(&written).expect("they can be read again");
    assert_eq!(again, activities);
});
