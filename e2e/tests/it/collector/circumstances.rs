//! What real browsers do: back/forward cache, prerendering, phones, no network, no storage, and Firefox.

use anyhow::{Context as _, Result, ensure};
use e2e::eventually;
use e2e::processes::Pipeline;
use serde_json::{Value, json};

use super::browser::{HERE, VisitingBrowser, shows};
use super::site::{Collector, arrives, is_gone, rows};

/// A short time to settle, and no heartbeat in the course of a test. The grace is the default one, because a busy machine
/// takes seconds to load a page, and the visit must last until then.
const FLAGS: &[(&str, &str)] = &[
    ("--demo", ""),
    ("--settle", "300ms"),
    ("--leave-grace", "10s"),
    ("--heartbeat", "5m"),
    ("--beacon-rate", "1000"),
];

/// Waits until the table has one row whose page's address has this ending.
async fn is_on(site: &Pipeline, path: &str) -> Result<()> {
    eventually(&format!("the table shows {path}"), async || {
        let rows = rows(site, HERE).await?;
        ensure!(rows.len() == 1, "{rows:?}");
        let page = rows[0].page.as_ref().context("no page")?;
        ensure!(page.url.ends_with(path), "{page:?}");
        Ok(())
    })
    .await
}

fn run(script: &str) -> Value {
    json!({ "command": "run", "tab": "one", "script": script })
}

#[tokio::test]
async fn page_from_the_back_forward_cache_continues_the_visit() -> Result<()> {
    let collector = Collector::start(FLAGS).await?;
    let site = collector.pipeline().start().await?;
    let mut browser = VisitingBrowser::chromium(&collector)?;
    browser.opens("one", "/demo").await?;
    let row = arrives(&site, HERE).await?;
    browser.does(run("globalThis.marker = 1")).await?;
    browser.clicks("one", "Basket").await?;
    is_on(&site, "/demo/basket").await?;
    browser.with("back", "one").await?;
    is_on(&site, "/demo").await?;
    let marker = browser.does(run("globalThis.marker")).await?;
    assert_eq!(marker, json!(1), "the page was not loaded again");
    assert_eq!(arrives(&site, HERE).await?.guid, row.guid);
    assert_eq!(collector.opened().await?, 1);
    Ok(())
}

#[tokio::test]
async fn prerendered_page_is_no_visit_until_somebody_looks() -> Result<()> {
    let collector = Collector::start(FLAGS).await?;
    let site = collector.pipeline().start().await?;
    let mut browser = VisitingBrowser::chromium(&collector)?;
    browser
        .does(json!({ "command": "another", "prerendered": true }))
        .await?;
    browser.opens("one", "/demo").await?;
    // Timers fire in order, and the tracker's are shorter.
    browser
        .does(run("new Promise((done) => setTimeout(done, 500))"))
        .await?;
    assert_eq!(browser.sent().await?, 0);
    browser.does(run("activate()")).await?;
    arrives(&site, HERE).await?;
    Ok(())
}

#[tokio::test]
async fn visitor_who_was_offline_is_there_again() -> Result<()> {
    let collector = Collector::start(FLAGS).await?;
    let site = collector.pipeline().start().await?;
    let mut browser = VisitingBrowser::chromium(&collector)?;
    browser.opens("one", "/demo").await?;
    let row = arrives(&site, HERE).await?;
    let sent = browser.sent().await?;
    browser
        .does(json!({ "command": "offline", "offline": true }))
        .await?;
    browser
        .does(run("history.pushState(null, '', '/demo/offline')"))
        .await?;
    browser
        .sends(sent, "a beacon that is lost", shows("/demo/offline"))
        .await?;
    browser
        .does(json!({ "command": "offline", "offline": false }))
        .await?;
    is_on(&site, "/demo/offline").await?;
    assert_eq!(arrives(&site, HERE).await?.guid, row.guid);
    Ok(())
}

#[tokio::test]
async fn browser_without_storage_is_one_visitor_while_its_page_is_open() -> Result<()> {
    let collector = Collector::start(FLAGS).await?;
    let site = collector.pipeline().start().await?;
    let mut browser = VisitingBrowser::chromium(&collector)?;
    browser
        .does(json!({ "command": "another", "noStorage": true }))
        .await?;
    browser.opens("one", "/demo").await?;
    let row = arrives(&site, HERE).await?;
    browser
        .does(run("history.pushState(null, '', '/demo/within')"))
        .await?;
    is_on(&site, "/demo/within").await?;
    // Another tab learns the id from the first.
    browser.opens("two", "/demo/basket").await?;
    is_on(&site, "/demo/basket").await?;
    assert_eq!(arrives(&site, HERE).await?.guid, row.guid);
    browser.with("close", "one").await?;
    browser.with("close", "two").await?;
    is_gone(&site, HERE).await?;
    let complaints = browser.does(json!({ "command": "complaints" })).await?;
    assert_eq!(complaints, json!([]), "nothing is thrown into the page");
    Ok(())
}

#[tokio::test]
async fn phone_arrives_moves_and_leaves() -> Result<()> {
    let collector = Collector::start(FLAGS).await?;
    let site = collector.pipeline().start().await?;
    let mut browser = VisitingBrowser::chromium(&collector)?;
    browser
        .does(json!({ "command": "another", "phone": true }))
        .await?;
    browser.opens("one", "/demo").await?;
    arrives(&site, HERE).await?;
    browser.clicks("one", "Basket").await?;
    is_on(&site, "/demo/basket").await?;
    browser.with("close", "one").await?;
    is_gone(&site, HERE).await
}

/// Firefox may end the process of its last page before that page has said that it is left. The collector then closes it because it is silent.
#[tokio::test]
async fn firefox_arrives_moves_and_leaves() -> Result<()> {
    let flags = FLAGS.iter().map(|flag| match *flag {
        ("--heartbeat", _) => ("--heartbeat", "5s"),
        other => other,
    });
    let collector = Collector::start(&flags.collect::<Vec<_>>()).await?;
    let site = collector.pipeline().start().await?;
    let mut browser = VisitingBrowser::firefox(&collector)?;
    browser.opens("one", "/demo").await?;
    let row = arrives(&site, HERE).await?;
    browser.clicks("one", "Night oolong").await?;
    is_on(&site, "/demo/night-oolong").await?;
    browser
        .does(run("history.pushState(null, '', '/demo/basket')"))
        .await?;
    is_on(&site, "/demo/basket").await?;
    browser.with("back", "one").await?;
    is_on(&site, "/demo/night-oolong").await?;
    browser.with("reload", "one").await?;
    browser.opens("two", "/demo/stone-cup").await?;
    is_on(&site, "/demo/stone-cup").await?;
    browser.with("close", "one").await?;
    assert_eq!(arrives(&site, HERE).await?.guid, row.guid);
    browser.with("close", "two").await?;
    is_gone(&site, HERE).await?;
    assert_eq!(collector.opened().await?, 1, "one visitor throughout");
    let complaints = browser.does(json!({ "command": "complaints" })).await?;
    assert_eq!(complaints, json!([]));
    Ok(())
}
