//! Kills of notifiers, NATS and receiver while companies arrive.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::eventually;
use e2e::processes::Role;

use super::receiver::Receiver;
use super::{are_announced, noted, visitor, with_notifiers};

#[tokio::test]
async fn retry_after_is_honoured() -> Result<()> {
    let (builder, receiver) = with_notifiers("retry-after", 1)?;
    let site = builder.start().await?;
    receiver.answers(&[(429, Some("3")), (503, None), (500, None)]);
    let (awaited, domain) = visitor(&site, 1)?;
    site.send(&[awaited.opened(0)]);
    are_announced(&receiver, &[&domain]).await?;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(3));
    assert_eq!(receiver.announcements()?[&domain], 1);
    Ok(())
}

#[tokio::test]
async fn arrivals_wait_for_an_unreachable_receiver_across_a_kill_of_the_notifier() -> Result<()> {
    let (builder, mut receiver) = with_notifiers("down", 1)?;
    let mut site = builder.start().await?;
    receiver.refuse();
    let (awaited, domain) = visitor(&site, 1)?;
    site.send(&[awaited.opened(0)]);
    eventually("the notifier says that the receiver fails", async || {
        let ready = site.instance(Role::Notifier, 0)?.http.get("/readyz").await?;
        ensure!(
            ready.status == 503 && ready.text.contains("webhook"),
            "{}",
            ready.text
        );
        ensure!(!ready.text.contains("s3cret"), "{}", ready.text);
        Ok(())
    })
    .await?;
    // The visitor leaves, and the notifier that knew of the arrival is killed.
    site.send(&[awaited.closed(0)]);
    site.settle().await?;
    site.instance_mut(Role::Notifier, 0)?.process.restart().await?;
    receiver.serve()?;
    are_announced(&receiver, &[&domain]).await?;
    assert_eq!(receiver.announcements()?[&domain], 1);
    site.ready().await
}

#[tokio::test]
async fn arrivals_are_announced_despite_kills_of_notifiers_nats_and_receiver() -> Result<()> {
    let (builder, mut receiver) = with_notifiers("kills", 2)?;
    let mut site = builder.start().await?;
    let mut domains = Vec::new();
    let mut repeats = 0;
    for round in 0..8_u32 {
        for n in 0..4 {
            let (visitor, domain) = visitor(&site, 4 * round + n)?;
            site.send(&[visitor.opened(0)]);
            domains.push(domain);
        }
        match round % 4 {
            0 => receiver.answers(&[(500, None), (429, Some("1"))]),
            1 | 3 => {
                let victim = usize::from(round % 4 == 3);
                let notifier = site.instance_mut(Role::Notifier, victim)?;
                // What it has counted is lost with it.
                repeats += notifier
                    .http
                    .metric("visitor_notifier_repeats_total")
                    .await
                    .unwrap_or(0);
                notifier.process.restart().await?;
            }
            _ => {
                receiver.refuse();
                site.nats.process.restart().await?;
                receiver.serve()?;
            }
        }
        // What only one notifier remembers is lost with it, so the next fault waits until the fleet has recovered.
        site.ready().await?;
    }
    are_announced(&receiver, &domains.iter().collect::<Vec<_>>()).await?;
    settled(&receiver).await?;
    repeats += site
        .metric(Role::Notifier, "visitor_notifier_repeats_total")
        .await?;
    let announced = receiver.announcements()?;
    let twice: usize = announced.values().map(|times| times - 1).sum();
    ensure!(
        twice as u64 <= repeats,
        "{twice} repetitions, {repeats} counted: {announced:?}"
    );
    Ok(())
}

/// Waits until nothing has been announced for longer than a notifier needs to take over from another.
async fn settled(receiver: &Receiver) -> Result<()> {
    const QUIET: Duration = Duration::from_secs(12);
    eventually("nothing more is announced", async || {
        let last = receiver.requests().last().map(|request| request.at);
        ensure!(
            last.is_none_or(|at| at.elapsed() >= QUIET),
            "something was announced lately"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn visit_that_began_without_a_notifier_is_announced_once() -> Result<()> {
    let (builder, receiver) = with_notifiers("gap", 1)?;
    // So short that only the memory of visits keeps them from being announced again.
    let mut site = builder.flag(Role::Notifier, "--cooldown", "1s").start().await?;
    let (before, before_domain) = visitor(&site, 1)?;
    site.send(&[before.opened(0)]);
    are_announced(&receiver, &[&before_domain]).await?;
    noted(&site).await?;
    site.instance_mut(Role::Notifier, 0)?.process.kill().await?;
    let (meanwhile, domain) = visitor(&site, 2)?;
    site.send(&[meanwhile.opened(0), before.keep_alive(0)]);
    site.settle().await?;
    site.instance_mut(Role::Notifier, 0)?.process.start()?;
    site.ready().await?;
    are_announced(&receiver, &[&domain]).await?;
    noted(&site).await?;
    site.instance_mut(Role::Notifier, 0)?.process.restart().await?;
    site.ready().await?;
    let (marker, marker_domain) = visitor(&site, 3)?;
    site.send(&[marker.opened(0)]);
    are_announced(&receiver, &[&marker_domain]).await?;
    let announced = receiver.announcements()?;
    ensure!(
        announced.len() == 3 && announced.values().all(|times| *times == 1),
        "{announced:?}"
    );
    Ok(())
}
