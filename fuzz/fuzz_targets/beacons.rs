//! What visitors' browsers send to the collector.

#![no_main]

use collector::beacon::Beacon;
use libfuzzer_sys::fuzz_target;

const ORIGIN: &str = "https://shop.example";
const BELOW: &str = "https://shop.example/";

fuzz_target!(|body: &[u8]| {
    if let Ok(beacon) = Beacon::parse(body, ORIGIN)
        && let Some(page) = beacon.page
    {
        assert!(page.url.starts_with(BELOW), "{}", page.url);
        assert!(!page.title.chars().any(char::is_control), "{:?}", page.title);
    }
});
