//! Search, order, filters, groups, details and export; and that the address holds them.

use anyhow::{Context as _, Result, ensure};
use e2e::Visitor;
use e2e::processes::Pipeline;
use serde_json::{Value, json};
use simulator::world::Kind;

use super::browser::{Page, with_page};

/// Three visitors of two companies, and an unknown one. The latest arrival is first.
pub struct Guests {
    pub first: Visitor,
    pub second: Visitor,
    pub colleague: Visitor,
    pub unknown: Visitor,
}

impl Guests {
    pub async fn come(site: &Pipeline) -> Result<Self> {
        let guests = Self {
            first: Visitor::from(&site.ip(Kind::Full, 1)),
            second: Visitor::from(&site.ip(Kind::Full, 2)),
            // From another place of the same company, or rather from the same place: the address decides who it is.
            colleague: Visitor::from(&site.ip(Kind::Full, 2)),
            unknown: Visitor::from(&site.ip(Kind::Unknown, 1)),
        };
        site.send(&[
            guests.first.opened(1_000),
            guests.second.opened(70_000),
            guests.colleague.opened(80_000),
            guests.unknown.opened(90_000),
        ]);
        for visitor in [&guests.first, &guests.second, &guests.colleague, &guests.unknown] {
            site.shows(visitor).await?;
        }
        Ok(guests)
    }
}

fn choose(label: &str, option: &str) -> Value {
    json!({ "command": "choose", "label": label, "option": option })
}

#[tokio::test]
async fn search_order_and_filters_show_the_right_visitors() -> Result<()> {
    let site = with_page().start().await?;
    let guests = Guests::come(&site).await?;
    let Guests {
        first,
        second,
        colleague,
        unknown,
    } = &guests;
    let mut page = Page::of(&site)?;
    page.shows("all, the newest first", |seen| {
        seen.shows(&[first, second, colleague, unknown])
    })
    .await?;

    page.does(json!({ "command": "click", "role": "button", "name": "On site" }))
        .await?;
    page.shows("the oldest first", |seen| {
        seen.shows(&[unknown, colleague, second, first])
    })
    .await?;
    page.does(json!({ "command": "click", "role": "button", "name": "On site" }))
        .await?;

    let contact = site.shows(first).await?.contact.context("no contact")?;
    for text in [&*contact.name, &first.ip] {
        page.does(json!({ "command": "fill", "label": "Search visitors", "text": text }))
            .await?;
        page.shows("who is searched for", |seen| seen.shows(&[first]))
            .await?;
    }
    page.does(json!({ "command": "fill", "label": "Search visitors", "text": "" }))
        .await?;

    page.presses("Filters").await?;
    page.does(choose("Identified", "Not identified")).await?;
    page.shows("who is not identified", |seen| seen.shows(&[unknown]))
        .await?;
    page.does(choose("Identified", "Identified")).await?;
    page.shows("who is identified", |seen| {
        seen.shows(&[first, second, colleague])
    })
    .await?;
    page.does(choose("Time on site", "Over a minute")).await?;
    page.shows("who has been there for long", |seen| {
        seen.shows(&[second, colleague])
    })
    .await?;
    page.is_content().await
}

#[tokio::test]
async fn visitors_are_grouped_by_company() -> Result<()> {
    let site = with_page().start().await?;
    let guests = Guests::come(&site).await?;
    let company = site.shows(&guests.second).await?.company.context("no company")?;
    let mut page = Page::of(&site)?;
    page.presses("Group by company").await?;
    let seen = page
        .shows("companies, that with the most visitors first", |seen| {
            ensure!(seen.rows.len() == 3, "{:?}", seen.rows);
            ensure!(seen.rows[0].contains(&company.name), "{:?}", seen.rows);
            ensure!(seen.rows[0].contains("2 visitors"), "{:?}", seen.rows);
            Ok(())
        })
        .await?;
    ensure!(seen.rows[2].contains("Company unknown"), "{:?}", seen.rows);

    let unfold = json!({ "command": "pressOn", "role": "row", "text": &*company.name, "key": "ArrowRight" });
    page.does(unfold).await?;
    page.shows("the visitors of the first company", |seen| {
        ensure!(seen.rows.len() == 5, "{:?}", seen.rows);
        ensure!(seen.rows[1].contains(&guests.second.ip), "{:?}", seen.rows);
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn url_reproduces_the_table() -> Result<()> {
    let site = with_page().start().await?;
    let guests = Guests::come(&site).await?;
    let Guests {
        second, colleague, ..
    } = &guests;
    let company = site.shows(second).await?.company.context("no company")?;
    let mut page = Page::of(&site)?;
    page.presses("Filters").await?;
    page.does(choose("Time on site", "Over a minute")).await?;
    page.does(json!({ "command": "press", "key": "Escape" })).await?;
    page.does(json!({ "command": "click", "role": "button", "name": "Last active" }))
        .await?;
    page.does(json!({ "command": "click", "role": "button", "name": "Last active" }))
        .await?;
    page.does(json!({ "command": "fill", "label": "Search visitors", "text": &*company.domain }))
        .await?;
    page.does(json!({ "command": "pressOn", "role": "row", "text": second.ip, "key": "Enter" }))
        .await?;
    let seen = page
        .shows("a part of the table, and details", |seen| {
            seen.shows(&[colleague, second])?;
            ensure!(seen.details.is_some(), "no details");
            for part in ["sort=-active", "visitor="] {
                ensure!(seen.address.contains(part), "{}", seen.address);
            }
            Ok(())
        })
        .await?;

    page.does(json!({ "command": "share" })).await?;
    page.shows("the same to whom it is sent", |shared| {
        shared.shows(&[colleague, second])?;
        let (details, shown) = (seen.details.as_deref(), shared.details.as_deref());
        // What each of them saw of the session differs, who it is does not.
        let name = |text: Option<&str>| text.and_then(|text| text.lines().next().map(str::to_owned));
        ensure!(shown.is_some() && name(details) == name(shown), "{shown:?}");
        ensure!(shared.address == seen.address, "{}", shared.address);
        Ok(())
    })
    .await?;
    page.is_content().await
}

#[tokio::test]
async fn export_contains_the_shown_rows_without_formulas() -> Result<()> {
    let site = with_page().start().await?;
    let Guests {
        first,
        second,
        unknown,
        ..
    } = &Guests::come(&site).await?;
    let mut page = Page::of(&site)?;
    page.presses("Filters").await?;
    page.does(choose("Identified", "Identified")).await?;
    page.shows("the identified", |seen| {
        ensure!(seen.rows.len() == 3, "{:?}", seen.rows);
        Ok(())
    })
    .await?;
    let csv: String = page.query(json!({ "command": "save", "name": "Export" })).await?;
    let lines: Vec<_> = csv.trim_end().split("\r\n").collect();
    ensure!(
        lines.len() == 4 && lines[0].contains("Company,Domain,Contact"),
        "{csv}"
    );
    ensure!(
        lines[1].contains(&first.ip) && lines[2].contains(&second.ip),
        "{csv}"
    );
    ensure!(!csv.contains(&unknown.ip), "{csv}");
    let contact = site.shows(first).await?.contact.context("no contact")?;
    for email in &contact.email_addresses {
        ensure!(lines[1].contains(&**email), "{email} is not in {csv}");
    }
    // A phone number with its plus is not a formula.
    let formula = |cell: &str| {
        let cell = cell.trim_start_matches('"');
        let phone = cell.starts_with('+') && !cell.contains(|sign: char| sign.is_alphabetic());
        cell.starts_with(['=', '+', '-', '@']) && !phone
    };
    ensure!(!lines.iter().any(|line| line.split(',').any(formula)), "{csv}");
    Ok(())
}
