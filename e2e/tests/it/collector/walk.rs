//! Many random actions of a visitor, after which the table shows what the browser shows.

use anyhow::{Context as _, Result, ensure};
use e2e::eventually;
use e2e::processes::Pipeline;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::browser::{HERE, VisitingBrowser};
use super::site::{Collector, is_gone, rows};

/// Each action has to be noticed by its own beacons: no heartbeat is due during the test.
const FLAGS: &[(&str, &str)] = &[
    ("--demo", ""),
    ("--settle", "300ms"),
    ("--leave-grace", "2s"),
    ("--heartbeat", "5m"),
    ("--beacon-rate", "100000"),
];

const SEED: u64 = 17;
const ACTIONS: usize = 200;
/// After so many actions the table and the browser are compared.
const COMPARE_EVERY: usize = 20;

const TABS: [&str; 4] = ["a", "b", "c", "d"];
const PAGES: [&str; 4] = ["/demo", "/demo/basket", "/demo/first-flush", "/demo/stone-cup"];

/// A visitor who does something random, again and again.
struct Walk {
    browser: VisitingBrowser,
    open: Vec<&'static str>,
    rng: StdRng,
}

impl Walk {
    fn chooses<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())]
    }

    /// One action: opens or closes a tab, goes to a page, reloads, goes back, or navigates within the page.
    async fn acts(&mut self) -> Result<()> {
        let closed: Vec<_> = TABS.into_iter().filter(|tab| !self.open.contains(tab)).collect();
        if self.open.is_empty() || (!closed.is_empty() && self.rng.random_range(0..6) == 0) {
            let tab = self.chooses(&closed);
            self.open.push(tab);
            return self.browser.opens(tab, PAGES[0]).await;
        }
        let tab = self.chooses(&self.open.clone());
        let path = self.chooses(&PAGES);
        match self.rng.random_range(0..12) {
            0 => {
                self.open.retain(|open| *open != tab);
                self.browser.with("close", tab).await
            }
            1..=5 => self.browser.opens(tab, path).await,
            6 | 7 => self.browser.with("reload", tab).await,
            8 => self.browser.with("back", tab).await,
            _ => self.navigates_within(tab, "pushState", path).await,
        }
    }

    async fn navigates_within(&mut self, tab: &str, method: &str, path: &str) -> Result<()> {
        let script = format!("history.{method}(null, '', '{path}')");
        let navigate = json!({ "command": "run", "tab": tab, "script": script });
        self.browser.does(navigate).await.map(drop)
    }

    /// Waits until the table shows what the browser shows: one visitor on a page that is open, or nobody.
    ///
    /// If the latest action closed a tab, the table still shows its page, until the visitor looks at another one.
    async fn agrees(&mut self, site: &Pipeline, action: usize) -> Result<()> {
        if self.open.is_empty() {
            return is_gone(site, HERE).await;
        }
        let tab = self.chooses(&self.open.clone());
        let unseen = format!("/demo/after-{action}");
        self.navigates_within(tab, "replaceState", &unseen).await?;
        let addresses = self.browser.does(json!({ "command": "addresses" })).await?;
        let addresses: Vec<String> = serde_json::from_value(addresses)?;
        ensure!(addresses.len() == self.open.len(), "{addresses:?}");
        eventually("the table shows one visitor on an open page", async || {
            let rows = rows(site, HERE).await?;
            ensure!(rows.len() == 1, "{rows:?}");
            let page = rows[0].page.as_ref().context("no page")?;
            let is_open = addresses.iter().any(|url| **url == *page.url);
            ensure!(is_open, "{} is not in {addresses:?}", page.url);
            Ok(())
        })
        .await?;
        // The shop has no such page, so that the tab could not be reloaded.
        self.navigates_within(tab, "replaceState", PAGES[0]).await
    }
}

#[tokio::test]
async fn table_and_browser_agree_after_two_hundred_random_actions() -> Result<()> {
    let collector = Collector::start(FLAGS).await?;
    let site = collector.pipeline().start().await?;
    let mut walk = Walk {
        browser: VisitingBrowser::chromium(&collector)?,
        open: Vec::new(),
        rng: StdRng::seed_from_u64(SEED),
    };
    for action in 1..=ACTIONS {
        let taken = walk.acts().await;
        taken.with_context(|| format!("action {action} of seed {SEED}"))?;
        if action % COMPARE_EVERY == 0 {
            let agrees = walk.agrees(&site, action).await;
            agrees.with_context(|| format!("after action {action} of seed {SEED}: {:?}", walk.open))?;
        }
    }
    for tab in std::mem::take(&mut walk.open) {
        walk.browser.with("close", tab).await?;
    }
    is_gone(&site, HERE).await
}
