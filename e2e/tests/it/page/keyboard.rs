//! The page in Chromium and Firefox, by the keyboard alone, with the tree that screen readers get.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use e2e::Visitor;
use e2e::processes::{Role, repository};
use simulator::world::Kind;
use tokio::process::Command;

use super::browser::with_page;

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
    for browser in ["chromium", "firefox"] {
        let script = Command::new("node")
            .args(["browser/driver/browse.mjs", browser, gateway, TOKEN])
            .arg(VISITORS.to_string())
            .current_dir(repository().join("frontend"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ended = script.await.context("cannot run node")?;
        let said = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.success(), "{browser}: {said}");
    }
    Ok(())
}
