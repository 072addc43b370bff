//! The page in Chromium and Firefox, by the keyboard alone, with the tree that screen readers get.

use std::ffi::OsStr;

use anyhow::Result;
use e2e::Visitor;
use e2e::processes::Role;
use simulator::world::Kind;

use super::browser::{script_succeeds, with_page};

const TOKEN: &str = "open-sesame";
const VISITORS: u32 = 5;

#[tokio::test]
async fn keyboard_alone_reaches_everything_in_both_browsers() -> Result<()> {
    let site = with_page()
        .flag(Role::Gateway, "--access-token", TOKEN)
        .flag(Role::Gateway, "--stale-after", "10m")
        .flag(Role::Enricher, "--stale-after", "10m")
        .start()
        .await?;
    let kinds = [Kind::Full, Kind::CompanyOnly, Kind::Unknown];
    let visitors = (1..=VISITORS).zip(kinds.into_iter().cycle());
    let events: Vec<_> = visitors
        .map(|(number, kind)| Visitor::from(&site.ip(kind, number)).opened(1_000))
        .collect();
    site.send(&events);
    let gateway = site.instance(Role::Gateway, 0)?.http.base();
    let visitors = VISITORS.to_string();
    for browser in ["chromium", "firefox"] {
        let arguments = [browser, gateway, TOKEN, &visitors].map(OsStr::new);
        script_succeeds("browse.mjs", &arguments).await?;
    }
    Ok(())
}
