//! Logs have one line per relevant change, never one per event, and nothing that identifies a visitor.

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::frame::VisibleSession;
use simulator::world::Kind;

/// Maximum number of lines that a process may write about one problem, from its start to its end.
const A_FEW: usize = 25;

/// How many visitors come at once.
const MANY: u32 = 2_000;

/// How many events each of them has while nobody can be identified.
const ROUNDS: u64 = 5;

/// Visitors from addresses that nobody has seen before.
fn newcomers(site: &Pipeline) -> Vec<Visitor> {
    let ips = (0..MANY).map(|number| site.ip(Kind::CompanyOnly, number));
    ips.map(|ip| Visitor::from(&ip)).collect()
}

/// Checks that no process has written more than a few lines, and that none of them names a visitor.
fn few_and_discreet(site: &Pipeline, visitors: &[Visitor]) -> Result<()> {
    for role in Role::ALL {
        for instance in site.instances(role) {
            let log = instance.process.log()?;
            let (name, lines) = (instance.process.name(), log.lines().count());
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
async fn failing_deanonymizer_logs_few_lines_under_load() -> Result<()> {
    let site = Pipeline::start().await?;
    site.deanonymizer_refuses(true).await?;
    let visitors = newcomers(&site);
    let events: Vec<_> = visitors.iter().map(|visitor| visitor.opened(0)).collect();
    site.send(&events);
    for _ in 0..ROUNDS {
        let events: Vec<_> = visitors.iter().map(|visitor| visitor.keep_alive(0)).collect();
        site.send(&events);
    }
    eventually("everybody waits, and was heard of several times", async || {
        let folded = r#"visitor_enricher_event_fates_total{kind="keep-alive",fate="folded"}"#;
        let folded = site.metric(Role::Enricher, folded).await?;
        ensure!(folded >= (ROUNDS - 1) * u64::from(MANY), "{folded}");
        let log = site.instance(Role::Enricher, 0)?.process.log()?;
        ensure!(log.contains("held back"), "calls are still made");
        Ok(())
    })
    .await?;
    site.deanonymizer_refuses(false).await?;
    let enricher = &site.instance(Role::Enricher, 0)?.process;
    eventually("it is said that it is over", async || {
        ensure!(enricher.log()?.contains("the Deanonymizer answers again"));
        Ok(())
    })
    .await?;
    few_and_discreet(&site, &visitors)
}

#[tokio::test]
async fn frozen_nats_server_logs_few_lines_under_load() -> Result<()> {
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
    let enricher = &site.instance(Role::Enricher, 0)?.http;
    eventually("the freeze is noticed", async || enricher.reason().await).await?;
    site.nats.process.resume()?;
    site.view_is_right().await?;
    few_and_discreet(&site, &visitors)
}

#[tokio::test]
async fn no_log_level_identifies_a_visitor() -> Result<()> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .log_filter("trace")
        .flag(Role::Enricher, "--show-unidentified-after", "1s")
        .start()
        .await?;
    let viewer = site.viewer().await?;
    let kinds = [
        Kind::Full,
        Kind::CompanyOnly,
        Kind::NexaCore,
        Kind::VertexCloud,
        Kind::Unknown,
    ];
    let visitors: Vec<_> = kinds
        .into_iter()
        .flat_map(|kind| (0..5).map(move |number| (kind, number)))
        .map(|(kind, number)| Visitor::from(&site.ip(kind, number)))
        .collect();
    let come = |site: &Pipeline| {
        for visitor in &visitors {
            site.send(&[visitor.keep_alive(0), visitor.opened(0), visitor.keep_alive(0)]);
        }
    };
    // Each way through: failing lookups, unusable messages, a lost server, repeated closings.
    site.deanonymizer.set_error_rate(0.3);
    come(&site);
    site.emitter.send_text(&format!(
        r#"{{"eventType":"keep-alive","ip":"{}","guid":7}}"#,
        visitors[0].ip
    ));
    site.view_is_right().await?;
    site.nats.process.restart().await?;
    site.ready().await?;
    come(&site);
    site.view_is_right().await?;
    let sessions = site.sessions().await?;
    let api = site.instance(Role::Gateway, 0)?;
    ensure!(api.http.get("/api/sessions").await?.status.is_success());
    let closings: Vec<_> = visitors.iter().map(|visitor| visitor.closed(0)).collect();
    site.send(&closings);
    site.settle().await?;
    drop(viewer);

    let names = names(&site, &visitors, sessions.values());
    for role in Role::ALL {
        for instance in site.instances(role) {
            let log = instance.process.log()?.to_lowercase();
            ensure!(log.contains("listening"), "no log");
            let found = names.iter().find(|name| log.contains(&name.to_lowercase()));
            let line = found.and_then(|name| log.lines().find(|line| line.contains(&name.to_lowercase())));
            ensure!(
                found.is_none(),
                "{} names {found:?}: {line:?}",
                instance.process.name()
            );
        }
    }
    Ok(())
}

/// What identifies the visitors, longer than what occurs by chance.
fn names<'a>(
    site: &Pipeline,
    visitors: &[Visitor],
    sessions: impl Iterator<Item = &'a VisibleSession>,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for visitor in visitors {
        names.extend([visitor.guid.clone(), visitor.ip.clone()]);
        let answer = site.deanonymizer.world().answer(&visitor.ip);
        if let Some(company) = answer.company() {
            names.extend([company.name.clone(), company.guid.clone(), company.domain.clone()]);
        }
        if let Some(contact) = answer.contact() {
            names.extend(contact.email_addresses.iter().flatten().cloned());
        }
    }
    for session in sessions {
        if let Some(contact) = &session.contact {
            names.extend([contact.name.clone(), contact.guid.clone()]);
            names.extend(contact.phone_numbers.iter().cloned());
        }
    }
    names.retain(|name| name.trim().len() > 3);
    names
}
