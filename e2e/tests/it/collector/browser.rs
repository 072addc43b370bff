//! A real browser on the demonstration shop, and the table that shows its visitor.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::eventually;
use e2e::processes::repository;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::site::{Collector, arrives, is_gone};

/// Where the browser is.
pub const HERE: &str = "127.0.0.1";

/// A browser that visits the shop. It is closed by its driver, which ends with its standard input: a driver that was killed
/// would leave Firefox running.
pub struct VisitingBrowser {
    _process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl VisitingBrowser {
    /// Starts Chromium.
    pub fn chromium(collector: &Collector) -> Result<Self> {
        Self::start("browser/driver/visitor.mjs", collector)
    }

    /// Starts Firefox, which supports fewer actions and does not report beacons.
    pub fn firefox(collector: &Collector) -> Result<Self> {
        Self::start("browser/driver/firefox-visitor.mjs", collector)
    }

    fn start(driver: &str, collector: &Collector) -> Result<Self> {
        let mut process = Command::new("node")
            .args([driver, &collector.url])
            .current_dir(repository().join("frontend"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run node")?;
        let orders = process.stdin.take().context("no stdin")?;
        let answers = BufReader::new(process.stdout.take().context("no stdout")?).lines();
        Ok(Self {
            _process: process,
            orders,
            answers,
        })
    }

    /// Runs an action and returns its result.
    pub async fn does(&mut self, command: Value) -> Result<Value> {
        self.orders.write_all(format!("{command}\n").as_bytes()).await?;
        let answer = self.answers.next_line().await?.context("the browser has ended")?;
        let mut answer: Value = serde_json::from_str(&answer)?;
        match answer.get("failed") {
            Some(why) => bail!("{command}: {why}"),
            None => Ok(answer["done"].take()),
        }
    }

    /// Opens a page in a tab.
    pub async fn opens(&mut self, tab: &str, path: &str) -> Result<()> {
        self.does(json!({ "command": "open", "tab": tab, "path": path }))
            .await
            .map(drop)
    }

    /// Does something with a tab.
    pub async fn with(&mut self, command: &str, tab: &str) -> Result<()> {
        self.does(json!({ "command": command, "tab": tab }))
            .await
            .map(drop)
    }

    /// Clicks on a text.
    pub async fn clicks(&mut self, tab: &str, text: &str) -> Result<()> {
        self.does(json!({ "command": "click", "tab": tab, "text": text }))
            .await
            .map(drop)
    }

    /// Waits for more than this number of beacons, and returns how many there are.
    pub async fn sends(&mut self, after: usize, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<usize> {
        eventually(&format!("the browser sends {what}"), async || {
            let beacons = self.does(json!({ "command": "beacons" })).await?;
            let beacons = beacons.as_array().context("no list")?;
            let later = beacons.get(after..).unwrap_or_default();
            ensure!(later.iter().any(&is_it), "{later:?}");
            Ok(beacons.len())
        })
        .await
    }

    /// How many beacons were sent.
    pub async fn sent(&mut self) -> Result<usize> {
        let beacons = self.does(json!({ "command": "beacons" })).await?;
        Ok(beacons.as_array().context("no list")?.len())
    }
}

/// Whether a beacon reports a page whose address has this ending.
pub fn shows(path: &'static str) -> impl Fn(&Value) -> bool {
    move |beacon| beacon["k"] == "v" && beacon["u"].as_str().is_some_and(|url| url.ends_with(path))
}

#[tokio::test]
async fn visitor_of_the_shop_arrives_looks_around_and_leaves() -> Result<()> {
    let flags = [("--demo", ""), ("--leave-grace", "3s"), ("--heartbeat", "5s")];
    let collector = Collector::start(&flags).await?;
    let site = collector.pipeline().start().await?;
    let mut browser = VisitingBrowser::chromium(&collector)?;
    browser.opens("one", "/demo?search=secret").await?;
    let row = arrives(&site, HERE).await?;
    let mut sent = browser
        .sends(0, "the page without its query", shows("/demo"))
        .await?;

    browser.clicks("one", "Night oolong").await?;
    sent = browser
        .sends(sent, "the next page", shows("/demo/night-oolong"))
        .await?;
    let push =
        json!({ "command": "run", "tab": "one", "script": "history.pushState(null, '', '/demo/within')" });
    browser.does(push).await?;
    sent = browser
        .sends(sent, "the page that was pushed", shows("/demo/within"))
        .await?;
    browser.with("back", "one").await?;
    sent = browser
        .sends(sent, "the page before", shows("/demo/night-oolong"))
        .await?;
    browser.with("reload", "one").await?;
    browser
        .sends(sent, "the page again", shows("/demo/night-oolong"))
        .await?;
    assert_eq!(arrives(&site, HERE).await?.guid, row.guid);

    // A second tab is the same visitor, who is there until the last one is closed.
    sent = browser.sent().await?;
    browser.opens("two", "/demo/stone-cup").await?;
    sent = browser
        .sends(sent, "the page of the second tab", shows("/demo/stone-cup"))
        .await?;
    browser.with("close", "one").await?;
    // Two heartbeats are longer than the grace.
    for _ in 0..3 {
        sent = browser
            .sends(sent, "a heartbeat", shows("/demo/stone-cup"))
            .await?;
    }
    assert_eq!(arrives(&site, HERE).await?.guid, row.guid);
    browser.clicks("two", "Basket").await?;
    assert_eq!(arrives(&site, HERE).await?.guid, row.guid);
    browser.with("close", "two").await?;
    is_gone(&site, HERE).await?;
    assert_eq!(collector.opened().await?, 1);
    let complaints = browser.does(json!({ "command": "complaints" })).await?;
    assert_eq!(complaints, json!([]), "also not of the content security policy");
    Ok(())
}

#[tokio::test]
async fn consent_is_waited_for_and_global_privacy_control_respected() -> Result<()> {
    let collector = Collector::start(&[("--demo", ""), ("--leave-grace", "1s")]).await?;
    let site = collector.pipeline().start().await?;
    let mut browser = VisitingBrowser::chromium(&collector)?;
    let run = |script: &str| json!({ "command": "run", "tab": "one", "script": script });

    browser.does(json!({ "command": "another", "gpc": true })).await?;
    browser.opens("one", "/demo").await?;
    browser.does(run("visitors.start()")).await?;
    // Timers fire in order, and the tracker's are shorter.
    let later = "new Promise((done) => setTimeout(done, 500))";
    browser.does(run(later)).await?;
    assert_eq!(
        browser.sent().await?,
        0,
        "it says that it does not want to be seen"
    );

    browser
        .does(json!({ "command": "another", "gpc": false }))
        .await?;
    browser.opens("one", "/consent").await?;
    browser.does(run(later)).await?;
    assert_eq!(browser.sent().await?, 0, "nobody has consented");
    browser.does(run("visitors.start()")).await?;
    arrives(&site, HERE).await?;
    let sent = browser.sent().await?;
    browser.opens("two", "/consent").await?;
    let start = json!({ "command": "run", "tab": "two", "script": "visitors.start()" });
    browser.does(start).await?;
    browser
        .sends(sent, "the page of the second tab", shows("/consent"))
        .await?;
    // Withdrawing consent in one tab withdraws it in all.
    browser.does(run("visitors.stop()")).await?;
    is_gone(&site, HERE).await?;
    let kept = browser.does(run("JSON.stringify(sessionStorage)")).await?;
    assert_eq!(kept, json!("{}"));
    Ok(())
}
