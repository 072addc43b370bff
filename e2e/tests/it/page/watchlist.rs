//! Companies on the watchlist.

use anyhow::{Context as _, Result, ensure};
use e2e::Visitor;
use serde_json::json;
use simulator::world::Kind;

use super::browser::{Page, Seen, with_page};

#[tokio::test]
async fn watched_company_is_marked_and_counted_in_the_title() -> Result<()> {
    let site = with_page().start().await?;
    let awaited = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    let other = Visitor::from(&site.ip(Kind::CompanyOnly, 2));
    let world = site.deanonymizer.world();
    let answer = world.answer(&awaited.ip);
    let domain = &answer.company().context("no company")?.domain;
    let mut page = Page::of(&site)?;
    page.shows("that it is live", Seen::is_live).await?;
    page.presses("Watchlist").await?;
    page.does(json!({ "deed": "fill", "label": "Domain to watch", "text": domain.to_uppercase() }))
        .await?;
    page.presses("Watch").await?;
    page.does(json!({ "deed": "press", "key": "Escape" })).await?;

    site.send(&[other.opened(1_000), awaited.opened(0)]);
    let seen = page
        .shows("that the awaited company is there", |seen| {
            seen.shows(&[&awaited, &other])?;
            ensure!(seen.title.starts_with("(1) "), "{}", seen.title);
            Ok(())
        })
        .await?;
    ensure!(
        seen.watched.len() == 1 && seen.watched[0].contains(&awaited.ip),
        "{:?}",
        seen.watched
    );

    page.presses("Watched").await?;
    page.shows("the awaited alone", |seen| {
        ensure!(seen.address.contains("watched=yes"), "{}", seen.address);
        seen.shows(&[&awaited])
    })
    .await?;
    page.does(json!({ "deed": "share" })).await?;
    page.shows("that the list outlives the page", |seen| {
        seen.shows(&[&awaited])?;
        ensure!(seen.watched.len() == 1, "{:?}", seen.watched);
        Ok(())
    })
    .await?;

    site.send(&[awaited.closed(0)]);
    page.shows("that the awaited has gone", |seen| {
        ensure!(seen.rows.is_empty() && !seen.title.starts_with('('), "{seen:?}");
        Ok(())
    })
    .await?;
    page.is_content().await
}
