//! Keys of the bucket are keyed hashes of addresses, and only enrichers can read the key.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::{self, Context};
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use sha2::{Digest as _, Sha256};
use simulator::world::Kind;

const SECRETS: &str = "KV_visitor_secrets";

async fn as_user(site: &Pipeline, user: &str) -> Result<Context> {
    Ok(jetstream::new(site.nats.client(user).await?))
}

/// What an enricher reads in the bucket of secrets.
async fn secret(site: &Pipeline) -> Result<Vec<u8>> {
    let stream = as_user(site, "enricher").await?.get_stream(SECRETS).await?;
    let last = stream
        .direct_get_last_for_subject("$KV.visitor_secrets.address-hash")
        .await?;
    Ok(last.payload.to_vec())
}

/// The keys of the bucket of verdicts.
async fn keys(site: &Pipeline) -> Result<BTreeSet<String>> {
    let stream = site.operator().await?.get_stream("KV_visitor_profiles").await?;
    let mut keys = BTreeSet::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        if let Ok(message) = stream.direct_get(sequence).await {
            keys.insert(message.subject.as_str().replace("$KV.visitor_profiles.", ""));
        }
    }
    Ok(keys)
}

/// Every key that could be made of the address without a secret.
fn plain_hashes(ip: &str) -> [String; 2] {
    let digest = Sha256::digest(ip);
    [&digest[..16], &digest[16..]].map(|half| {
        let number = half
            .iter()
            .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        format!("{number:032x}")
    })
}

#[tokio::test]
async fn keys_cannot_be_made_without_the_secret_and_spellings_share_one() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let hidden = Visitor::from(&site.ip(Kind::NexaCore, 1));
    let spellings = [
        "2001:db8::7",
        "2001:DB8:0:0:0:0:0:7",
        "203.0.113.7",
        "::ffff:203.0.113.7",
    ];
    let visitors: Vec<_> = spellings
        .iter()
        .map(|ip| Visitor::from(ip))
        .chain([hidden])
        .collect();
    for visitor in &visitors {
        site.send(&[visitor.opened(0)]);
        site.settle().await?;
    }
    let keys = keys(&site).await?;
    for visitor in &visitors {
        for plain in plain_hashes(&visitor.ip) {
            ensure!(
                !keys.contains(&plain),
                "{} is kept under a plain hash",
                visitor.ip
            );
        }
    }
    // Two addresses in four spellings, the data centre's, and the one with which all was settled.
    let addresses = keys.iter().filter(|key| *key != "bill").count();
    assert_eq!(addresses, 4, "{keys:?}");
    Ok(())
}

#[tokio::test]
async fn only_enrichers_can_read_the_secret() -> Result<()> {
    let site = Pipeline::start().await?;
    let secret = secret(&site).await?;
    ensure!(secret.len() > 32, "{}", secret.len());
    for user in ["operator", "gateway", "ingestor"] {
        let client = site.nats.client(user).await?;
        let requests = [
            (format!("$JS.API.STREAM.MSG.GET.{SECRETS}"), r#"{"seq":1}"#),
            (format!("$JS.API.DIRECT.GET.{SECRETS}"), r#"{"seq":1}"#),
            (
                format!("$JS.API.DIRECT.GET.{SECRETS}.$KV.visitor_secrets.address-hash"),
                "",
            ),
        ];
        for (subject, payload) in requests {
            let answer = client.request(subject.clone(), payload.into()).await;
            ensure!(answer.is_err(), "{user} gets an answer at {subject}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn enrichers_agree_on_one_secret_and_restore_it() -> Result<()> {
    let mut site = Pipeline::builder().with(Role::Enricher, 4).start().await?;
    let before = secret(&site).await?;
    let addresses: Vec<_> = (0..40).map(|n| site.ip(Kind::Full, n)).collect();
    for _ in 0..4 {
        let visitors = addresses.iter().map(|ip| Visitor::from(ip).opened(0));
        site.send(&visitors.collect::<Vec<_>>());
    }
    site.view_is_right().await?;
    site.settle().await?;
    let calls = site.deanonymizer.stats().calls;
    assert_eq!(calls, 41, "one for each address, and one to settle");

    site.nats.process.restart().await?;
    site.ready().await?;
    eventually("the secret is back", async || {
        ensure!(secret(&site).await? == before, "another secret");
        Ok(())
    })
    .await?;
    site.instance_mut(Role::Enricher, 0)?.process.restart().await?;
    site.ready().await?;
    let visitors = addresses.iter().map(|ip| Visitor::from(ip).opened(0));
    site.send(&visitors.collect::<Vec<_>>());
    site.settle().await?;
    assert_eq!(site.deanonymizer.stats().calls, calls, "paid twice");
    ensure!(secret(&site).await.context("no secret")? == before);
    Ok(())
}
