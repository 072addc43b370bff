//! The settings of streams, consumer and bucket, as NATS reports them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use e2e::Visitor;
use e2e::processes::{Pipeline, Role};
use simulator::world::Kind;

async fn settings(site: &Pipeline, stream: &str) -> Result<Config> {
    let stream = site.operator().await?.get_stream(stream).await?;
    let config = stream.cached_info().config.clone();
    assert_eq!(config.storage, StorageType::Memory, "{}", config.name);
    assert_eq!(config.num_replicas, 1, "{}", config.name);
    Ok(config)
}

#[tokio::test]
async fn raw_events_are_a_work_queue_with_one_consumer() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let raw = settings(&site, "VISITOR_RAW").await?;
    assert_eq!(raw.subjects, ["visitor.raw.>"]);
    assert_eq!(raw.retention, RetentionPolicy::WorkQueue);
    assert_eq!(raw.max_age, Duration::from_mins(10));
    assert_eq!(raw.max_bytes, 256 * 1024 * 1024);
    assert_eq!(raw.discard, DiscardPolicy::New);

    let stream = site.operator().await?.get_stream("VISITOR_RAW").await?;
    assert_eq!(stream.cached_info().state.consumer_count, 1);
    let config = stream.consumer_info("enricher").await?.config;
    assert_eq!(config.durable_name.as_deref(), Some("enricher"));
    assert_eq!(config.ack_policy, AckPolicy::Explicit);
    Ok(())
}

#[tokio::test]
async fn the_sessions_stream_keeps_the_last_message_of_each() -> Result<()> {
    let site = Pipeline::start().await?;
    let sessions = settings(&site, "VISITOR_SESSIONS").await?;
    assert_eq!(sessions.subjects, ["visitor.session.*"]);
    assert_eq!(sessions.max_messages_per_subject, 1);
    assert_eq!(sessions.max_bytes, 768 * 1024 * 1024);
    assert_eq!(sessions.discard, DiscardPolicy::New);
    assert!(sessions.allow_message_ttl);

    let visitors: Vec<_> = (0..10)
        .map(|n| Visitor::from(&site.ip(Kind::CompanyOnly, n)))
        .collect();
    for visitor in &visitors {
        site.send(&[
            visitor.keep_alive(0),
            visitor.opened(1_000),
            visitor.keep_alive(0),
        ]);
    }
    site.settle().await?;
    let stream = site.operator().await?.get_stream("VISITOR_SESSIONS").await?;
    // Those ten, and the one with which all was settled.
    assert_eq!(stream.cached_info().state.messages, 11);
    Ok(())
}

#[tokio::test]
async fn activities_are_kept_for_twice_the_stale_time() -> Result<()> {
    let site = Pipeline::builder()
        .stale_after(Duration::from_secs(7))
        .start()
        .await?;
    let activity = settings(&site, "VISITOR_ACTIVITY").await?;
    assert_eq!(activity.subjects, ["visitor.activity.*"]);
    assert_eq!(activity.max_age, Duration::from_secs(14));
    assert_eq!(activity.max_bytes, 512 * 1024 * 1024);
    assert_eq!(activity.discard, DiscardPolicy::Old);
    Ok(())
}

#[tokio::test]
async fn rejected_messages_are_kept_for_an_hour() -> Result<()> {
    let site = Pipeline::start().await?;
    let rejected = settings(&site, "VISITOR_REJECTED").await?;
    assert_eq!(rejected.subjects, ["visitor.rejected.>"]);
    assert_eq!(rejected.max_age, Duration::from_hours(1));
    assert_eq!(rejected.max_messages, 10_000);
    assert_eq!(rejected.max_bytes, 64 * 1024 * 1024);
    Ok(())
}

#[tokio::test]
async fn profiles_are_in_a_bucket_whose_keys_expire() -> Result<()> {
    let site = Pipeline::start().await?;
    let visitor = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    let profiles = settings(&site, "KV_visitor_profiles").await?;
    assert_eq!(profiles.subjects, ["$KV.visitor_profiles.>"]);
    assert!(profiles.allow_message_ttl);
    assert_eq!(profiles.max_bytes, 256 * 1024 * 1024);
    assert_eq!(profiles.discard, DiscardPolicy::Old);
    let stream = site.operator().await?.get_stream("KV_visitor_profiles").await?;
    let last = stream.cached_info().state.last_sequence;
    let mut entry = None;
    for sequence in (1..=last).rev() {
        // The bill is written for the same call, and a value that was replaced is gone.
        entry = stream.direct_get(sequence).await.ok();
        if entry
            .as_ref()
            .is_some_and(|entry| !entry.subject.ends_with(".bill"))
        {
            break;
        }
    }
    let entry = entry.context("no profile")?;
    let ttl = entry.headers.get("Nats-TTL").context("no TTL")?.as_str();
    let ttl: u64 = ttl.trim_end_matches('s').parse()?;
    let day = 86_400;
    assert!((day - 60..=day).contains(&ttl), "a profile is kept for {ttl} s");
    Ok(())
}

#[tokio::test]
async fn every_limit_is_a_flag() -> Result<()> {
    let limits = [
        ("VISITOR_RAW", "--raw-mib"),
        ("VISITOR_SESSIONS", "--sessions-mib"),
        ("VISITOR_ACTIVITY", "--activity-mib"),
        ("KV_visitor_profiles", "--profiles-mib"),
        ("VISITOR_REJECTED", "--rejected-mib"),
    ];
    let mut builder = Pipeline::builder();
    for (number, (_, flag)) in limits.iter().enumerate() {
        for role in Role::ALL {
            builder = builder.flag(role, flag, &(number + 3).to_string());
        }
    }
    let site = builder.start().await?;
    for (number, (stream, flag)) in limits.iter().enumerate() {
        let expected = i64::try_from(number + 3)? << 20;
        assert_eq!(settings(&site, stream).await?.max_bytes, expected, "{flag}");
    }
    Ok(())
}
