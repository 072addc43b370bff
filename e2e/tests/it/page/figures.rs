//! The figures above the table, and their charts.

use anyhow::{Context as _, Result, ensure};
use e2e::processes::Role;
use e2e::{Visitor, eventually};
use protocol::history::{History, HistoryPoint};
use simulator::world::Kind;

use super::browser::{Page, with_page};

#[tokio::test]
async fn charts_begin_before_the_page_was_opened() -> Result<()> {
    let site = with_page().start().await?;
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    let gateway = &site.instance(Role::Gateway, 0)?.http;
    let first: HistoryPoint = eventually("the gateway has recorded the visitor", async || {
        let history: History = serde_json::from_str(&gateway.get("/api/history").await?.text)?;
        let last = history.points.last().context("no point")?;
        ensure!(last.stats.active_sessions == 1, "{last:?}");
        Ok(history.points[0])
    })
    .await?;
    let mut page = Page::of(&site)?;
    let interval = 10;
    page.shows("charts from the gateway's first point", |seen| {
        let begun = first.at.unix_ms() / 1_000 / interval * interval - interval;
        ensure!(seen.charts_since == begun, "{} is not {begun}", seen.charts_since);
        Ok(())
    })
    .await?;
    page.is_content().await
}

#[tokio::test]
async fn money_has_the_operators_currency() -> Result<()> {
    let site = with_page()
        .flag(Role::Enricher, "--price-per-lookup", "1234.5")
        .flag(Role::Gateway, "--currency", "eur")
        .start()
        .await?;
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
    site.send(&[visitor.opened(0)]);
    let mut page = Page::of(&site)?;
    page.shows("what the lookup cost", |seen| {
        let spent = seen
            .figures
            .iter()
            .find(|(name, _)| name.starts_with("Spent on lookups"));
        let (_, spent) = spent.context("no such figure")?;
        ensure!(spent == "€1,234.50", "{spent}");
        Ok(())
    })
    .await?;
    page.is_content().await
}
