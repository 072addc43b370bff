//! What the page shows of the pages of the website that visitors see.

use anyhow::{Result, ensure};
use e2e::Visitor;
use serde_json::json;
use simulator::event::Event;
use simulator::world::Kind;

use super::browser::{Page, with_page};

/// The frame of an event on a page of the shop, of a visitor who came from a search.
fn on_page(event: &Event, path: &str, title: &str) -> String {
    let page = json!({ "url": format!("https://shop.example{path}"), "title": title });
    let json = event.to_json();
    let open = json.strip_suffix('}').unwrap_or(&json);
    format!(r#"{open},"page":{page},"referrer":"https://search.example/"}}"#)
}

#[tokio::test]
async fn pages_appear_as_soon_as_one_visitor_has_one() -> Result<()> {
    let site = with_page().start().await?;
    let [silent, visitor] = [1, 2].map(|n| Visitor::from(&site.ip(Kind::Full, n)));
    site.send(&[silent.opened(9_000)]);
    let mut page = Page::of(&site)?;
    page.shows("a visitor without a page", |seen| seen.shows(&[&silent]))
        .await?;
    let sort_by_page = json!({ "command": "click", "role": "button", "name": "Page" });

    site.emitter
        .send_text(&on_page(&visitor.opened(5_000), "/t%C3%BCr", "Doors"));
    page.shows("the page of the other", |seen| {
        let row = seen.row(&visitor)?;
        ensure!(row.contains("Doors") && row.contains("/tür"), "{row:?}");
        Ok(())
    })
    .await?;
    page.does(sort_by_page).await?;
    site.emitter
        .send_text(&on_page(&visitor.keep_alive(0), "/windows", "<b>Windows</b>"));
    page.shows("the next page, its markup as text, first in the order", |seen| {
        let row = seen.row(&visitor)?;
        ensure!(
            row.contains("<b>Windows</b>") && row.contains("/windows"),
            "{row:?}"
        );
        seen.shows(&[&visitor, &silent])
    })
    .await?;

    let opening = json!({ "command": "pressOn", "role": "row", "text": visitor.ip, "key": "Enter" });
    page.does(opening).await?;
    page.shows("all pages seen and the referrer", |seen| {
        let details = seen.details.as_deref().unwrap_or_default();
        for text in ["/windows", "/tür", "search.example"] {
            ensure!(details.contains(text), "{text} is not in {details:?}");
        }
        Ok(())
    })
    .await?;
    for search in ["windows", "search.example"] {
        page.does(json!({ "command": "fill", "label": "Search visitors", "text": search }))
            .await?;
        page.shows("the visitor who was searched for by page", |seen| {
            seen.shows(&[&visitor])
        })
        .await?;
    }
    let csv: String = page.query(json!({ "command": "save", "name": "Export" })).await?;
    ensure!(
        csv.contains("https://shop.example/windows,<b>Windows</b>,https://search.example/"),
        "{csv}"
    );
    page.is_content().await
}
