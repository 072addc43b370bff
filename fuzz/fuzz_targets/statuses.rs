//! The statuses of processes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::status::Status;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(status) = serde_json::from_slice::<Status>(bytes) {
        let written = serde_json::to_vec(&status).expect("it can be written");
        assert!(
            serde_json::from_slice::<Status>(&written).is_ok(),
            "it can be read again"
        );
    }
});
