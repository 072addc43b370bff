//! The bodies of identification services, read as each provider file says, and filtered.

#![no_main]

use std::sync::LazyLock;

use enricher::provider::{Provider, find};
use libfuzzer_sys::fuzz_target;

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    [
        include_str!("../../enricher/providers/6sense.toml"),
        include_str!("../../enricher/providers/albacross.toml"),
        include_str!("../../enricher/providers/ipinfo.toml"),
        include_str!("../../enricher/providers/people-data-labs.toml"),
        include_str!("../../enricher/providers/snitcher.toml"),
    ]
    .map(|file| Provider::parse(file).expect("the file is tested"))
    .into()
});

fuzz_target!(|body: &[u8]| {
    for provider in PROVIDERS.iter() {
        if let Ok(finding) = find(provider, 200, None, body) {
            fuzz::assert_filtered(finding.answer);
        }
    }
});
