//! What a seller does to reach a visitor: looks at a company, copies an address, reads while others arrive.

use anyhow::{Context as _, Result, ensure};
use e2e::{Visitor, eventually};
use serde_json::json;
use simulator::world::Kind;

use super::browser::{Page, with_page};
use super::table::Guests;

/// Waits until the text of an element is as `is_it` says.
async fn reads(page: &mut Page, role: &str, name: &str, is_it: impl Fn(&str) -> bool) -> Result<()> {
    eventually(&format!("{role} {name:?} says it"), async || {
        let text: String = page
            .query(json!({ "command": "read", "role": role, "name": name }))
            .await?;
        ensure!(is_it(&text), "{text}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn companys_own_view_follows_its_visitors_and_can_be_shared() -> Result<()> {
    let site = with_page().start().await?;
    let Guests {
        first,
        second,
        colleague,
        unknown,
    } = &Guests::come(&site).await?;
    let company = site.shows(second).await?.company.context("no company")?;
    let mut page = Page::of(&site)?;
    page.shows("all", |seen| seen.shows(&[first, second, colleague, unknown]))
        .await?;
    page.does(json!({ "command": "pressOn", "role": "row", "text": second.ip, "key": "Enter" }))
        .await?;
    page.presses("Show only its visitors (2 here)").await?;
    page.shows("the company's visitors", |seen| {
        ensure!(seen.address.contains("company="), "{}", seen.address);
        seen.shows(&[second, colleague])
    })
    .await?;
    page.does(json!({ "command": "press", "key": "Escape" })).await?;
    reads(&mut page, "region", &company.name, |text| {
        text.contains("2 here · First seen here at")
    })
    .await?;

    page.does(json!({ "command": "share" })).await?;
    page.shows("the same to whom it is sent", |seen| {
        seen.shows(&[second, colleague])
    })
    .await?;
    site.send(&[colleague.closed(0)]);
    reads(&mut page, "region", &company.name, |text| {
        text.contains("1 here ·") && text.contains("1 visitor has left since this page was opened")
    })
    .await?;
    page.presses("Show all companies").await?;
    page.shows("everybody else", |seen| seen.shows(&[first, second, unknown]))
        .await?;
    page.is_content().await
}

#[tokio::test]
async fn reachable_visitors_email_and_phone_are_copied() -> Result<()> {
    let site = with_page().start().await?;
    let Guests { first, second, .. } = &Guests::come(&site).await?;
    let no_contact = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[no_contact.opened(2_000)]);
    let mut page = Page::of(&site)?;
    page.shows("all", |seen| {
        ensure!(seen.rows.len() == 5, "{:?}", seen.rows);
        Ok(())
    })
    .await?;
    page.presses("Reachable").await?;
    page.shows("whom one can reach", |seen| {
        ensure!(seen.address.contains("reachable"), "{}", seen.address);
        seen.row(first)?;
        seen.row(second)?;
        ensure!(seen.rows.len() == 3, "{:?}", seen.rows);
        Ok(())
    })
    .await?;

    let contact = site.shows(first).await?.contact.context("no contact")?;
    let texts = contact.email_addresses.first().into_iter();
    for text in texts.chain(contact.phone_numbers.first()) {
        page.does(json!({ "command": "hover", "role": "row", "text": first.ip }))
            .await?;
        page.presses(&format!("Copy {text}")).await?;
        reads(&mut page, "log", "", |said| {
            said.contains(&format!("Copied {text}"))
        })
        .await?;
        let clipboard: String = page.query(json!({ "command": "clipboard" })).await?;
        assert_eq!(clipboard, **text);
    }
    page.is_content().await
}

#[tokio::test]
async fn arrivals_wait_behind_a_button_while_the_mouse_is_on_the_rows() -> Result<()> {
    let site = with_page().start().await?;
    let guests = Guests::come(&site).await?;
    let Guests {
        first,
        second,
        colleague,
        unknown,
    } = &guests;
    let before = [first, second, colleague, unknown];
    let mut page = Page::of(&site)?;
    page.shows("all", |seen| seen.shows(&before)).await?;
    page.does(json!({ "command": "hover", "role": "row", "text": unknown.ip }))
        .await?;
    let newest = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[newest.opened(0)]);
    eventually("the arrival waits", async || {
        // The order is released when the mouse rests for long. The button covers the first row.
        for row in [colleague, unknown] {
            page.does(json!({ "command": "hover", "role": "row", "text": row.ip }))
                .await?;
        }
        let waits: bool = page
            .query(json!({ "command": "has", "role": "button", "name": "1 new" }))
            .await?;
        ensure!(waits, "no button");
        Ok(())
    })
    .await?;
    page.shows("the rows as they were", |seen| seen.shows(&before))
        .await?;
    page.presses("1 new").await?;
    page.shows("the arrival", |seen| {
        seen.shows(&[&newest, first, second, colleague, unknown])
    })
    .await?;
    page.is_content().await
}
