//! Verdicts survive the NATS server that stored them, and nothing else does.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use e2e::load::VisitorLoad;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use simulator::world::Kind;

/// How many addresses visitors come from, of every kind.
const ADDRESSES: u32 = 200;

/// A new visitor from each address.
async fn come(site: &Pipeline) -> Result<()> {
    let visitors: Vec<_> = (0..ADDRESSES)
        .map(|number| Visitor::from(&VisitorLoad::ip(site, number)))
        .collect();
    for some in visitors.chunks(10) {
        site.send(&some.iter().map(|visitor| visitor.opened(0)).collect::<Vec<_>>());
    }
    site.view_is_right().await?;
    site.queue_is_empty().await
}

/// The keys of the bucket, without that of the bill.
async fn keys(site: &Pipeline) -> Result<BTreeSet<String>> {
    let jetstream = site.operator().await?;
    let stream = jetstream.get_stream("KV_visitor_profiles").await?;
    let mut keys = BTreeSet::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        // A value that was replaced is gone.
        if let Ok(message) = stream.direct_get(sequence).await {
            keys.insert(message.subject.as_str().replace("$KV.visitor_profiles.", ""));
        }
    }
    keys.remove("bill");
    Ok(keys)
}

#[tokio::test]
async fn verdicts_are_restored_into_a_lost_bucket() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 3).start().await?;
    come(&site).await?;
    let calls = site.deanonymizer.stats().calls;
    assert_eq!(calls, u64::from(ADDRESSES));
    let before = keys(&site).await?;
    assert_eq!(before.len(), ADDRESSES as usize);
    assert!(
        before
            .iter()
            .all(|key| key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit())),
        "{before:?}"
    );

    site.nats.process.restart().await?;
    site.ready().await?;
    come(&site).await?;
    eventually("the bucket is as it was", async || {
        let after = keys(&site).await?;
        ensure!(after == before, "{} keys", after.len());
        Ok(())
    })
    .await?;
    assert_eq!(
        site.deanonymizer.stats().calls,
        calls,
        "after the restart of NATS"
    );

    // An enricher that starts now knows only what is in the bucket.
    for number in 0..3 {
        site.instance_mut(Role::Enricher, number)?
            .process
            .restart()
            .await?;
    }
    site.ready().await?;
    come(&site).await?;
    assert_eq!(
        site.deanonymizer.stats().calls,
        calls,
        "after the restart of all enrichers"
    );
    Ok(())
}

#[tokio::test]
async fn unknown_address_is_looked_up_again_after_its_ttl() -> Result<()> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .flag(Role::Enricher, "--unknown-ttl", "2s")
        .start()
        .await?;
    let unknown = [Kind::Unknown, Kind::Empty].map(|kind| site.ip(kind, 1));
    let known = site.ip(Kind::Full, 1);
    eventually("unknown addresses are asked about again", async || {
        for ip in unknown.iter().chain([&known]) {
            site.send(&[Visitor::from(ip).opened(0)]);
        }
        site.queue_is_empty().await?;
        for ip in &unknown {
            let calls = site.deanonymizer.calls_for(ip).calls;
            ensure!(calls > 1, "{calls} calls");
        }
        Ok(())
    })
    .await?;
    assert_eq!(
        site.deanonymizer.calls_for(&known).calls,
        1,
        "a profile holds for longer"
    );
    site.view_is_right().await
}
