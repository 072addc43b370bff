//! Companies on the watchlist.

use anyhow::{Context as _, Result, ensure};
use e2e::processes::Role;
use e2e::{Visitor, eventually};
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
    page.does(json!({ "command": "fill", "label": "Domain to watch", "text": domain.to_uppercase() }))
        .await?;
    page.presses("Watch").await?;
    page.does(json!({ "command": "press", "key": "Escape" })).await?;

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
    page.does(json!({ "command": "share" })).await?;
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

#[tokio::test]
async fn teams_entry_leads_to_the_companys_own_view() -> Result<()> {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("teams-entry");
    std::fs::write(&file, "nobody.example\n")?;
    let mut site = with_page()
        .flag(Role::Gateway, "--watchlist", &file.to_string_lossy())
        .start()
        .await?;
    let awaited = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    let other = Visitor::from(&site.ip(Kind::CompanyOnly, 2));
    let world = site.deanonymizer.world();
    let answer = world.answer(&awaited.ip);
    let domain = &answer.company().context("no company")?.domain;
    std::fs::write(&file, format!("nobody.example\n{domain}\n"))?;
    eventually("the gateway has read the list", async || {
        let list = site.gateway()?.http.get("/api/watchlist").await?.text;
        ensure!(list.contains(domain.as_str()), "{list}");
        Ok(())
    })
    .await?;
    site.send(&[other.opened(1_000), awaited.opened(0)]);
    let mut page = Page::of(&site)?;
    page.shows("both, and that the team waits for one", |seen| {
        seen.shows(&[&awaited, &other])?;
        ensure!(seen.watched.len() == 1, "{:?}", seen.watched);
        Ok(())
    })
    .await?;
    page.presses("Watchlist 1 here").await?;
    page.does(json!({ "command": "click", "role": "link", "name": domain }))
        .await?;
    let company_alone = |seen: &Seen| {
        ensure!(seen.address == format!("?company={domain}"), "{}", seen.address);
        seen.shows(&[&awaited])
    };
    page.shows("the company alone", company_alone).await?;
    page.does(json!({ "command": "share" })).await?;
    page.shows("the same in another tab", company_alone).await?;
    page.is_content().await
}
