//! After any fault of the connection or the gateway the page is right, and it reports the fault meanwhile.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::Role;
use e2e::times::StampedAt as _;
use e2e::{Visitor, eventually};
use serde_json::json;
use simulator::world::Kind;

use super::browser::{Page, Seen, with_page};

fn is_not_live(seen: &Seen) -> Result<()> {
    ensure!(seen.freshness.as_deref() != Some("live"), "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn gateway_restart_does_not_change_the_page() -> Result<()> {
    let mut site = with_page().start().await?;
    let mut page = Page::of(&site)?;
    let stays = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    let goes = Visitor::from(&site.ip(Kind::CompanyOnly, 2));
    site.send(&[stays.opened(65_000), goes.opened(0)]);
    page.shows("both", |seen| seen.shows(&[&goes, &stays])).await?;

    site.gateway()?.process.kill().await?;
    page.shows("that the line is dead", is_not_live).await?;
    let comes = Visitor::from(&site.ip(Kind::CompanyOnly, 3));
    site.send(&[goes.closed(0), comes.opened(0)]);
    site.gateway()?.process.start()?;
    page.shows("the one who stayed and the one who came meanwhile", |seen| {
        seen.is_live()?;
        seen.shows(&[&comes, &stays])?;
        ensure!(seen.row(&stays)?.contains("1m"), "{seen:?}");
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn page_reconnects_after_a_killed_connection() -> Result<()> {
    let site = with_page().start().await?;
    let mut page = Page::of(&site)?;
    let stays = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    let goes = Visitor::from(&site.ip(Kind::CompanyOnly, 2));
    site.send(&[stays.opened(5_000), goes.opened(4_000)]);
    page.shows("both", |seen| seen.shows(&[&goes, &stays])).await?;

    page.does(json!({ "command": "cut" })).await?;
    page.shows("that it is stale", |seen| {
        ensure!(seen.freshness.as_deref() == Some("stale"), "{seen:?}");
        seen.shows(&[&goes, &stays])
    })
    .await?;
    let comes = Visitor::from(&site.ip(Kind::CompanyOnly, 3));
    site.send(&[goes.closed(0), comes.opened(0), stays.keep_alive(0)]);
    site.shows(&comes).await?;
    site.shows_no(&goes).await?;
    page.does(json!({ "command": "restore" })).await?;
    page.shows("what happened meanwhile", |seen| {
        seen.is_live()?;
        seen.shows(&[&comes, &stays])
    })
    .await?;
    // The same gateway has served the page all the time.
    ensure!(
        site.instance(Role::Gateway, 0)?
            .http
            .stats()
            .await?
            .active_sessions
            == 2
    );
    Ok(())
}

#[tokio::test]
async fn page_keeps_rows_and_says_since_when_no_ingestor_is_heard() -> Result<()> {
    let mut site = with_page().stale_after(Duration::from_secs(6)).start().await?;
    let mut page = Page::of(&site)?;
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    page.shows("the visitor", |seen| {
        site.send(&[visitor.keep_alive(0)]);
        seen.shows(&[&visitor])
    })
    .await?;
    let touch = visitor.keep_alive(0);
    site.send(std::slice::from_ref(&touch));
    eventually("the last keep-alive is seen", async || {
        let at = site
            .sessions()
            .await?
            .get(&visitor.guid)
            .map(|session| session.last_activity_at);
        ensure!(at >= touch.stamped_at(), "{at:?}");
        Ok(())
    })
    .await?;

    site.ingestor()?.process.kill().await?;
    let interrupted = |seen: &Seen| {
        ensure!(seen.freshness.as_deref() == Some("interrupted"), "{seen:?}");
        seen.shows(&[&visitor])?;
        let status = seen.status.as_deref().unwrap_or_default();
        ensure!(status.contains("The list shows who was here at"), "{status}");
        ensure!(
            status.contains("The connection to the website has been interrupted since"),
            "{status}"
        );
        Ok(())
    };
    let row = page
        .shows("since when", interrupted)
        .await?
        .row(&visitor)?
        .to_owned();
    // For longer than a session may be silent.
    let viewer = site.viewer().await?;
    viewer.sees("six more frames", |view| view.deltas == 6).await?;
    let later = page.shows("the same", interrupted).await?;
    assert_eq!(later.row(&visitor)?, row, "times stand still");

    site.ingestor()?.process.start()?;
    page.shows("that it is live again and the visitor is gone", |seen| {
        seen.is_live()?;
        seen.shows(&[])?;
        let no_rows = seen.no_rows.as_deref().context("the table has no message")?;
        ensure!(
            no_rows.contains("Nobody is on the website right now"),
            "{no_rows}"
        );
        Ok(())
    })
    .await?;
    page.is_content().await
}

#[tokio::test]
async fn page_says_why_the_table_empties_without_the_emitter() -> Result<()> {
    let site = with_page().stale_after(Duration::from_secs(3)).start().await?;
    let mut page = Page::of(&site)?;
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    page.shows("the visitor", |seen| {
        site.send(&[visitor.keep_alive(0)]);
        seen.shows(&[&visitor])
    })
    .await?;
    site.emitter_refuses(true).await?;
    site.emitter.close_all();
    page.shows("why nobody is left", |seen| {
        seen.shows(&[])?;
        let no_rows = seen.no_rows.as_deref().context("the table has no message")?;
        ensure!(no_rows.contains("The website is not connected"), "{no_rows}");
        Ok(())
    })
    .await?;
    page.is_content().await
}
