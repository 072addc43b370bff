//! Streams, the bucket and the consumer vanish or are emptied while NATS stays connected: this is noticed, repaired from
//! what the processes know, and reported meanwhile.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::Context;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, eventually};
use protocol::stream;
use simulator::world::Kind;

const BUCKET: &str = "KV_visitor_profiles";

/// JetStream, with permissions to delete streams.
async fn administrator(site: &Pipeline) -> Result<Context> {
    Ok(async_nats::jetstream::new(site.nats.client("maintainer").await?))
}

fn visitors(site: &Pipeline, count: u32) -> Vec<Visitor> {
    (0..count)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect()
}

/// A pipeline that shows visitors with an opening time, each seen again since, and some that are closed.
async fn with_visitors() -> Result<(Pipeline, Vec<Visitor>)> {
    let site = Pipeline::builder()
        .with(Role::Enricher, 2)
        .with(Role::Gateway, 2)
        .start()
        .await?;
    let visitors = visitors(&site, 50);
    for visitor in &visitors {
        site.send(&[visitor.opened(5_000), visitor.keep_alive(1_000)]);
    }
    for visitor in &visitors[40..] {
        site.send(&[visitor.closed(0)]);
    }
    site.settle().await?;
    site.view_is_right().await?;
    Ok((site, visitors))
}

/// Checks that the view is right, also after a restart of the gateways, and that no closed session reappears.
async fn is_repaired(mut site: Pipeline, visitors: &[Visitor]) -> Result<()> {
    let new = Visitor::from(&site.ip(Kind::CompanyOnly, 77));
    for visitor in visitors {
        site.send(&[visitor.keep_alive(0)]);
    }
    site.send(&[new.opened(500)]);
    site.shows(&new).await?;
    site.ready().await?;
    site.settle().await?;
    site.view_is_right().await?;
    for gateway in 0..2 {
        site.instance_mut(Role::Gateway, gateway)?
            .process
            .restart()
            .await?;
    }
    site.ready().await?;
    site.view_is_right().await
}

/// Waits until the stream has another creation time, and at least one message where that is asked for.
async fn is_made_again(jetstream: &Context, name: &str, before: i128) -> Result<()> {
    eventually(&format!("{name} is created again"), async || {
        let stream = jetstream.get_stream(name).await?;
        ensure!(stream.cached_info().created.unix_timestamp_nanos() != before);
        Ok(())
    })
    .await
}

async fn created(jetstream: &Context, name: &str) -> Result<i128> {
    let stream = jetstream.get_stream(name).await?;
    Ok(stream.cached_info().created.unix_timestamp_nanos())
}

async fn a_deleted_stream_is_repaired(name: &str) -> Result<()> {
    let (site, visitors) = with_visitors().await?;
    let administrator = administrator(&site).await?;
    let before = created(&administrator, name).await?;
    administrator.delete_stream(name).await?;
    is_made_again(&administrator, name, before).await?;
    is_repaired(site, &visitors).await
}

#[tokio::test]
async fn gateways_restore_a_deleted_sessions_stream() -> Result<()> {
    a_deleted_stream_is_repaired(stream::SESSIONS).await
}

#[tokio::test]
async fn deleted_activity_stream_is_recreated() -> Result<()> {
    a_deleted_stream_is_repaired(stream::ACTIVITY).await
}

#[tokio::test]
async fn deleted_raw_stream_is_recreated() -> Result<()> {
    a_deleted_stream_is_repaired(stream::RAW).await
}

#[tokio::test]
async fn deleted_rejected_stream_is_recreated() -> Result<()> {
    a_deleted_stream_is_repaired(stream::REJECTED).await
}

#[tokio::test]
async fn all_streams_deleted_at_once_are_repaired() -> Result<()> {
    let (site, visitors) = with_visitors().await?;
    let administrator = administrator(&site).await?;
    let names = [
        stream::RAW,
        stream::SESSIONS,
        stream::ACTIVITY,
        stream::REJECTED,
        BUCKET,
    ];
    let mut before = Vec::new();
    for name in names {
        before.push((name, created(&administrator, name).await?));
        administrator.delete_stream(name).await?;
    }
    for (name, before) in before {
        is_made_again(&administrator, name, before).await?;
    }
    is_repaired(site, &visitors).await
}

#[tokio::test]
async fn verdicts_are_restored_after_the_bucket_is_deleted_or_purged() -> Result<()> {
    let (mut site, visitors) = with_visitors().await?;
    let calls = site.deanonymizer.stats().calls;
    let administrator = administrator(&site).await?;
    let verdicts = administrator
        .get_stream(BUCKET)
        .await?
        .cached_info()
        .state
        .messages;
    let full = async || {
        eventually("the verdicts are put back", async || {
            let bucket = administrator.get_stream(BUCKET).await?;
            let messages = bucket.cached_info().state.messages;
            ensure!(messages >= verdicts, "{messages} messages of {verdicts}");
            Ok(())
        })
        .await
    };
    administrator.delete_stream(BUCKET).await?;
    full().await?;
    administrator.get_stream(BUCKET).await?.purge().await?;
    full().await?;
    // An enricher that starts only now has the same verdicts.
    for enricher in 0..2 {
        site.instance_mut(Role::Enricher, enricher)?
            .process
            .restart()
            .await?;
    }
    site.ready().await?;
    // Those who left were not looked up.
    for visitor in &visitors[..40] {
        site.send(&[Visitor::from(&visitor.ip).opened(0)]);
    }
    site.queue_is_empty().await?;
    site.view_is_right().await?;
    assert_eq!(
        site.deanonymizer.stats().calls,
        calls,
        "an address was paid for twice"
    );
    Ok(())
}

#[tokio::test]
async fn purged_sessions_stream_is_restored() -> Result<()> {
    let (site, visitors) = with_visitors().await?;
    let administrator = administrator(&site).await?;
    let sessions = administrator.get_stream(stream::SESSIONS).await?;
    sessions.purge().await?;
    eventually("records and tombstones are put back", async || {
        let sessions = administrator.get_stream(stream::SESSIONS).await?;
        let messages = sessions.cached_info().state.messages;
        ensure!(messages >= 50, "{messages} messages");
        Ok(())
    })
    .await?;
    is_repaired(site, &visitors).await
}

#[tokio::test]
async fn one_purged_session_is_restored() -> Result<()> {
    let (site, visitors) = with_visitors().await?;
    let administrator = administrator(&site).await?;
    let sessions = administrator.get_stream(stream::SESSIONS).await?;
    let subject = format!("visitor.session.{}", visitors[3].guid);
    sessions.purge().filter(&subject).await?;
    eventually("its record is put back", async || {
        sessions.get_last_raw_message_by_subject(&subject).await?;
        Ok(())
    })
    .await?;
    is_repaired(site, &visitors).await
}

#[tokio::test]
async fn events_purged_from_the_queue_are_resent() -> Result<()> {
    let mut site = Pipeline::start().await?;
    let administrator = administrator(&site).await?;
    site.settle().await?;
    // No enricher reads the queue.
    site.enricher()?.process.pause()?;
    let visitors = visitors(&site, 20);
    for visitor in &visitors {
        site.send(&[visitor.opened(0)]);
    }
    let raw = administrator.get_stream(stream::RAW).await?;
    eventually("events wait in the queue", async || {
        let (waiting, messages) = site.queued(&administrator).await?;
        ensure!(
            waiting == 0 && messages > 0,
            "{waiting} wait, {messages} messages"
        );
        Ok(())
    })
    .await?;
    raw.purge().await?;
    site.enricher()?.process.resume()?;
    for visitor in &visitors {
        site.shows(visitor).await?;
    }
    site.view_is_right().await
}

#[tokio::test]
async fn deleted_consumer_is_recreated() -> Result<()> {
    let (site, visitors) = with_visitors().await?;
    let administrator = administrator(&site).await?;
    let raw = administrator.get_stream(stream::RAW).await?;
    raw.delete_consumer(stream::ENRICHER).await?;
    eventually("the consumer is created again", async || {
        raw.consumer_info(stream::ENRICHER).await?;
        Ok(())
    })
    .await?;
    is_repaired(site, &visitors).await
}

#[tokio::test]
async fn consumer_with_wrong_settings_is_corrected() -> Result<()> {
    let (site, visitors) = with_visitors().await?;
    let administrator = administrator(&site).await?;
    let raw = administrator.get_stream(stream::RAW).await?;
    let mut config = raw.consumer_info(stream::ENRICHER).await?.config;
    config.filter_subject = "visitor.raw.keep-alive".into();
    config.ack_wait = Duration::from_hours(1);
    raw.create_consumer(config).await?;
    eventually("the consumer has the configured settings again", async || {
        let config = raw.consumer_info(stream::ENRICHER).await?.config;
        ensure!(config.filter_subject.is_empty() && config.ack_wait < Duration::from_mins(1));
        Ok(())
    })
    .await?;
    is_repaired(site, &visitors).await
}

#[tokio::test]
async fn stream_with_wrong_settings_is_rejected() -> Result<()> {
    let mut site = Pipeline::builder().launch().await?;
    site.nats.process.start()?;
    let administrator = eventually("NATS is there", async || {
        let administrator = administrator(&site).await?;
        administrator
            .create_stream(async_nats::jetstream::stream::Config {
                name: "OTHER".into(),
                subjects: vec!["other".into()],
                ..Default::default()
            })
            .await?;
        Ok(administrator)
    })
    .await?;
    site.ready().await?;
    for role in [Role::Enricher, Role::Gateway] {
        site.instance_mut(role, 0)?.process.kill().await?;
    }
    administrator.delete_stream(stream::SESSIONS).await?;
    administrator
        .create_stream(async_nats::jetstream::stream::Config {
            name: stream::SESSIONS.into(),
            subjects: vec!["visitor.session.*".into()],
            storage: async_nats::jetstream::stream::StorageType::File,
            ..Default::default()
        })
        .await?;
    site.instance_mut(Role::Gateway, 0)?.process.start()?;
    eventually("the gateway names the setting", async || {
        let reason = site.instance(Role::Gateway, 0)?.http.reason().await?;
        ensure!(
            reason.contains("storage is file and should be memory"),
            "{reason}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn readiness_says_that_a_stream_is_missing_until_it_is_repaired() -> Result<()> {
    let (site, visitors) = with_visitors().await?;
    let administrator = administrator(&site).await?;
    // A stream of another name takes the subjects, so that ours cannot be created again.
    administrator.delete_stream(stream::SESSIONS).await?;
    eventually("another stream has the subjects", async || {
        if administrator.get_stream(stream::SESSIONS).await.is_ok() {
            administrator.delete_stream(stream::SESSIONS).await?;
        }
        administrator
            .create_stream(async_nats::jetstream::stream::Config {
                name: "OTHER".into(),
                subjects: vec!["visitor.session.*".into()],
                ..Default::default()
            })
            .await?;
        Ok(())
    })
    .await?;
    for (role, part) in [(Role::Enricher, "work queue"), (Role::Gateway, "sessions stream")] {
        eventually(&format!("the {} is not ready", role.name()), async || {
            let reason = site.instance(role, 0)?.http.reason().await?;
            ensure!(reason.contains(part), "{reason}");
            Ok(())
        })
        .await?;
    }
    eventually("the page reports it", async || {
        let pipeline = site.instance(Role::Gateway, 0)?.http.pipeline().await?;
        let mut reasons = pipeline
            .processes
            .iter()
            .filter_map(|process| process.reason.as_deref());
        ensure!(
            reasons.any(|reason| reason.contains("work queue")),
            "{pipeline:?}"
        );
        Ok(())
    })
    .await?;
    administrator
        .delete_stream("OTHER")
        .await
        .context("the other stream")?;
    is_repaired(site, &visitors).await
}
