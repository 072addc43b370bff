//! What WebSocket clients say to the gateway.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::frame::Request;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    if serde_json::from_slice::<Request>(bytes).is_ok() {
        let json: Value = serde_json::from_slice(bytes).expect("it was JSON");
        let kind = json.get("type").or_else(|| json.get(0));
        assert_eq!(kind, Some(&"snapshot".into()), "{json}");
    }
});
