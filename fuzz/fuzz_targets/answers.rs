//! The bodies of the Deanonymizer, filtered.

#![no_main]

use enricher::native;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(answer) = native::read("203.0.113.7", 200, None, body) {
        fuzz::assert_filtered(answer);
    }
});
