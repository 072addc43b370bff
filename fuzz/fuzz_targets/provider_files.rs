//! Provider files, and the requests that they describe.

#![no_main]

use enricher::provider::Provider;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &str| {
    if let Ok(provider) = Provider::parse(file) {
        for ip in ["203.0.113.7", "2001:db8::1"] {
            let question = provider.question(ip, "key");
            assert!(question.is_ok(), "a plain key can be sent");
        }
    }
});
