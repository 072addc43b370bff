//! The notifier: who is announced when a company arrives, over kills of everything.

mod encrypted;
mod faults;
pub mod receiver;
mod words;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Builder, Pipeline, Role, repository};
use e2e::{Visitor, eventually};
use protocol::stream;
use simulator::world::Kind;

use self::receiver::Receiver;

/// The folder of one test's files.
fn folder(test: &str) -> PathBuf {
    repository().join("target/e2e/notifier").join(test)
}

/// A pipeline with this many notifiers, and their receiver.
pub fn with_notifiers(test: &str, count: usize) -> Result<(Builder, Receiver)> {
    let receiver = Receiver::start(&folder(test))?;
    let builder = Pipeline::builder().with(Role::Notifier, count).flag(
        Role::Notifier,
        "--webhook-url-file",
        &receiver.url_file.to_string_lossy(),
    );
    Ok((builder, receiver))
}

/// The n-th visitor from a company of their own, and the company's domain.
fn visitor(site: &Pipeline, n: u32) -> Result<(Visitor, String)> {
    let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, n));
    let answer = site.deanonymizer.world().answer(&visitor.ip);
    let domain = answer.company().context("no company")?.domain.clone();
    Ok((visitor, domain))
}

/// Waits until all of these companies were announced at least once.
async fn are_announced(receiver: &Receiver, domains: &[&String]) -> Result<()> {
    eventually("the companies are announced", async || {
        let announced = receiver.announcements()?;
        let missing: Vec<_> = domains
            .iter()
            .filter(|domain| !announced.contains_key(**domain))
            .collect();
        ensure!(missing.is_empty(), "{missing:?} are missing in {announced:?}");
        Ok(())
    })
    .await
}

/// Waits until the notifiers have noted everything that they have announced: after a kill before that, it is announced again.
async fn noted(site: &Pipeline) -> Result<()> {
    let operator = site.operator().await?;
    eventually("the notifiers have noted what they announced", async || {
        let sessions = operator.get_stream(stream::SESSIONS).await?;
        let consumer = sessions.consumer_info(stream::NOTIFIER).await?;
        ensure!(
            consumer.num_pending == 0 && consumer.num_ack_pending == 0,
            "{consumer:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn each_watched_company_is_announced_once_per_cooldown() -> Result<()> {
    let (builder, receiver) = with_notifiers("cooldown", 1)?;
    let watchlist = folder("cooldown").join("watchlist");
    std::fs::write(&watchlist, "# nobody yet\n")?;
    let mut site = builder
        .flag(Role::Notifier, "--watchlist", &watchlist.to_string_lossy())
        .flag(Role::Gateway, "--watchlist", &watchlist.to_string_lossy())
        .start()
        .await?;
    let (unwatched, _) = visitor(&site, 1)?;
    let (awaited, domain) = visitor(&site, 2)?;
    let (other, other_domain) = visitor(&site, 3)?;
    std::fs::write(&watchlist, format!("{domain}\n{other_domain}\n"))?;
    eventually("the gateway has read the list", async || {
        let list = site.gateway()?.http.get("/api/watchlist").await?.text;
        ensure!(list.contains(&domain), "{list}");
        Ok(())
    })
    .await?;
    eventually("the notifier has read the list", async || {
        let log = site.instance(Role::Notifier, 0)?.process.log()?;
        ensure!(log.contains("the watchlist has changed"), "{log}");
        Ok(())
    })
    .await?;
    // A list that cannot be used changes nothing.
    std::fs::write(&watchlist, "nobody\n")?;
    eventually("both say that the list cannot be used", async || {
        let gateway = site
            .metric(Role::Gateway, "visitor_gateway_watchlist_unusable_total")
            .await?;
        let notifier = site
            .metric(Role::Notifier, "visitor_notifier_watchlist_unusable_total")
            .await?;
        ensure!((gateway, notifier) == (1, 1), "{gateway}, {notifier}");
        Ok(())
    })
    .await?;
    let again = Visitor::from(&awaited.ip);
    site.send(&[unwatched.opened(0), awaited.opened(1_000)]);
    are_announced(&receiver, &[&domain]).await?;
    site.send(&[awaited.closed(0), again.opened(0), awaited.keep_alive(0)]);
    site.settle().await?;
    site.send(&[other.opened(0)]);
    are_announced(&receiver, &[&other_domain]).await?;
    let announced = receiver.announcements()?;
    assert_eq!(announced.len(), 2, "{announced:?}");
    assert!(announced.values().all(|times| *times == 1), "{announced:?}");
    assert_eq!(
        site.metric(Role::Notifier, "visitor_notifier_cooled_down_total")
            .await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn company_is_announced_again_after_the_cooldown() -> Result<()> {
    let (builder, receiver) = with_notifiers("again", 1)?;
    let site = builder.flag(Role::Notifier, "--cooldown", "1s").start().await?;
    let (first, domain) = visitor(&site, 1)?;
    site.send(&[first.opened(0)]);
    are_announced(&receiver, &[&domain]).await?;
    eventually("the company is announced again", async || {
        site.send(&[Visitor::from(&first.ip).opened(0)]);
        ensure!(receiver.announcements()?[&domain] >= 2);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn earlier_visits_are_not_announced_after_restarts() -> Result<()> {
    let (builder, receiver) = with_notifiers("before", 0)?;
    let mut site = builder
        // So short that only the memory of visits keeps them from being announced again.
        .flag(Role::Notifier, "--cooldown", "1s")
        .start()
        .await?;
    let mut there = Vec::new();
    for n in 0..5 {
        there.push(visitor(&site, n)?.0);
    }
    let events: Vec<_> = there.iter().map(|visitor| visitor.opened(2_000)).collect();
    site.send(&events);
    site.settle().await?;
    site.add(Role::Notifier)?;
    site.add(Role::Notifier)?;
    site.ready().await?;
    let (seen, seen_domain) = visitor(&site, 10)?;
    site.send(&[seen.opened(0)]);
    are_announced(&receiver, &[&seen_domain]).await?;
    noted(&site).await?;

    for role in [Role::Notifier, Role::Enricher, Role::Gateway] {
        site.instance_mut(role, 0)?.process.restart().await?;
        site.ready().await?;
    }
    for victim in there.iter().chain([&seen]) {
        site.send(&[victim.keep_alive(0)]);
    }
    site.nats.process.restart().await?;
    site.ready().await?;
    for victim in there.iter().chain([&seen]) {
        site.send(&[victim.keep_alive(0)]);
    }
    site.view_is_right().await?;
    site.instance_mut(Role::Notifier, 1)?.process.restart().await?;
    site.ready().await?;

    let (marker, marker_domain) = visitor(&site, 11)?;
    site.send(&[marker.opened(0)]);
    are_announced(&receiver, &[&marker_domain]).await?;
    let announced: BTreeSet<_> = receiver.announcements()?.into_iter().collect();
    assert_eq!(announced, BTreeSet::from([(seen_domain, 1), (marker_domain, 1)]));
    Ok(())
}
