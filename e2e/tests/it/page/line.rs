//! Whatever happens to the line and the gateway, the page is right afterwards, and honest meanwhile.

use anyhow::{Result, ensure};
use e2e::{Role, Visitor};
use serde_json::json;
use simulator::world::Kind;

use super::browser::{Page, Seen, with_page};

fn is_not_live(seen: &Seen) -> Result<()> {
    ensure!(seen.freshness.as_deref() != Some("live"), "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_restarted_gateway_changes_nothing() -> Result<()> {
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
async fn a_killed_connection_is_made_anew_and_the_page_is_right() -> Result<()> {
    let site = with_page().start().await?;
    let mut page = Page::of(&site)?;
    let stays = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    let goes = Visitor::from(&site.ip(Kind::CompanyOnly, 2));
    site.send(&[stays.opened(5_000), goes.opened(4_000)]);
    page.shows("both", |seen| seen.shows(&[&goes, &stays])).await?;

    page.does(json!({ "deed": "cut" })).await?;
    page.shows("that it is stale", |seen| {
        ensure!(seen.freshness.as_deref() == Some("stale"), "{seen:?}");
        seen.shows(&[&goes, &stays])
    })
    .await?;
    let comes = Visitor::from(&site.ip(Kind::CompanyOnly, 3));
    site.send(&[goes.closed(0), comes.opened(0), stays.keep_alive(0)]);
    site.shows(&comes).await?;
    site.shows_no(&goes).await?;
    page.does(json!({ "deed": "mend" })).await?;
    page.shows("what happened meanwhile", |seen| {
        seen.is_live()?;
        seen.shows(&[&comes, &stays])
    })
    .await?;
    // The same gateway has served the page all the time.
    ensure!(site.member(Role::Gateway, 0)?.http.stats().await?.active_sessions == 2);
    Ok(())
}
