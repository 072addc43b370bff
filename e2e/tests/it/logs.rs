//! Logs: one line for each thing that matters, never one for each event, and nothing of who a visitor is.

use anyhow::{Result, ensure};
use e2e::{Pipeline, Role, Visitor, eventually};
use simulator::world::Kind;

/// The most lines that a process may write about one trouble, from its start to its end.
const A_FEW: usize = 25;

/// How many visitors come at once.
const MANY: u32 = 2_000;

/// Visitors from addresses that nobody has seen before.
fn newcomers(site: &Pipeline) -> Vec<Visitor> {
    let ips = (0..MANY).map(|number| site.ip(Kind::CompanyOnly, number));
    ips.map(|ip| Visitor::from(&ip)).collect()
}

/// That no process has written more than a few lines, nor named a visitor in them.
fn few_and_discreet(site: &Pipeline, visitors: &[Visitor]) -> Result<()> {
    for role in Role::ALL {
        for member in site.members(role) {
            let log = member.process.log()?;
            let (name, lines) = (member.process.name(), log.lines().count());
            ensure!(lines <= A_FEW, "{name} wrote {lines} lines:\n{log}");
            let named = visitors
                .iter()
                .find(|visitor| log.contains(&visitor.guid) || log.contains(&visitor.ip));
            ensure!(named.is_none(), "{name} names {named:?}:\n{log}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_dead_deanonymizer_under_load_costs_a_few_lines() -> Result<()> {
    let site = Pipeline::start().await?;
    site.deanonymizer_refuses(true).await?;
    let visitors = newcomers(&site);
    let events: Vec<_> = visitors.iter().map(|visitor| visitor.opened(0)).collect();
    site.send(&events);
    eventually("everybody was tried and put off several times", async || {
        let postponed = r#"visitor_enricher_event_fates_total{kind="session-opened",fate="postponed"}"#;
        let postponed = site.metric(Role::Enricher, postponed).await?;
        ensure!(postponed > 4 * u64::from(MANY), "{postponed}");
        Ok(())
    })
    .await?;
    site.deanonymizer_refuses(false).await?;
    let enricher = &site.member(Role::Enricher, 0)?.process;
    eventually("it is said that it is over", async || {
        ensure!(enricher.log()?.contains("the Deanonymizer answers again"));
        Ok(())
    })
    .await?;
    few_and_discreet(&site, &visitors)
}

#[tokio::test]
async fn a_nats_server_that_freezes_under_load_costs_a_few_lines() -> Result<()> {
    let site = Pipeline::start().await?;
    let known = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[known.opened(0)]);
    site.shows(&known).await?;
    let mut visitors = vec![known.clone()];
    visitors.extend((0..MANY).map(|_| Visitor::from(&known.ip)));
    let events: Vec<_> = visitors.iter().map(|visitor| visitor.opened(0)).collect();
    site.send(&events);
    eventually("many records are on their way", async || {
        let records = site
            .metric(Role::Enricher, "visitor_enricher_records_published_total")
            .await?;
        ensure!(records > 1);
        Ok(())
    })
    .await?;
    site.nats.process.pause()?;
    let enricher = &site.member(Role::Enricher, 0)?.http;
    eventually("the freeze is noticed", async || enricher.reason().await).await?;
    site.nats.process.resume()?;
    site.view_is_right().await?;
    few_and_discreet(&site, &visitors)
}
