//! Baselines: what NATS and the sockets achieve without our processes, on the same machine in the same run.

use std::collections::VecDeque;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::stream::{Config, RetentionPolicy, StorageType};
use async_nats::jetstream::{Context, Message, stream::Stream};
use bytes::Bytes;
use e2e::eventually;
use e2e::load::{SIMULATORS, Usage};
use e2e::processes::{NatsServer, repository};
use futures_util::StreamExt as _;
use simulator::emitter::{Emitter, EmitterConfig};
use simulator::load::{Load, LoadConfig, Mix};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::number::whole;
use crate::part::Part;
use crate::report::{Section, Table};
use crate::watchers::CLIENTS;

/// How many publishes may be unacknowledged at once.
const WINDOW: usize = 512;

/// A keep-alive is about as long.
const PAYLOAD: [u8; 144] = [b'x'; 144];

/// All floors.
pub async fn measure(lasting: Duration) -> Result<Section> {
    let (written, writing, taking) = bare_reader(lasting, &["--unread"]).await?;
    let (read, emitting, reading) = bare_reader(lasting, &[]).await?;
    let relayed = bare_relay(lasting).await?;
    let mut table = Table::new(&["floor", "per second", "CPU"]);
    table.row(&[
        "frames from the emitter to a socket whose reader discards them".into(),
        whole(written),
        format!("{writing:.2} µs in the emitter, {taking:.2} µs in the reader"),
    ]);
    table.row(&[
        "frames from the emitter to a bare WebSocket reader that parses them".into(),
        whole(read),
        format!("{emitting:.2} µs in the emitter, {reading:.2} µs in the reader"),
    ]);
    table.row(&[
        "single messages, all acknowledged: publish, work queue, publish, ordered consumer".into(),
        whole(relayed),
        "both cores".into(),
    ]);
    Ok(Section::new(Part::Floors.title())
        .say("What the emitter, a WebSocket and JetStream can carry without our processes. The first row is the load \
             generator alone: what it writes is the upper limit of everything below.")
        .table(&table))
}

/// Frames a second, and the CPU time of each at both ends in microseconds.
async fn bare_reader(lasting: Duration, flags: &[&str]) -> Result<(f64, f64, f64)> {
    let emitter = Emitter::start(EmitterConfig::default())?;
    let _reader = Command::new(std::env::current_exe()?)
        .args(["read", &emitter.url()])
        .args(flags)
        .kill_on_drop(true)
        .spawn()?;
    emitter.wait_for_clients(1, e2e::WAIT_TIMEOUT).await?;
    let mut load = Load::new(&LoadConfig {
        mix: Mix::Light,
        churn: 0.0,
        ..LoadConfig::default()
    });
    let before = Usage::now()?;
    let sent = load.pour(&emitter, lasting).await;
    let usage = Usage::now()?.since(&before);
    let events = sent.sent.events() as f64;
    let micros = |process| usage.of(process).cpu_seconds * 1e6 / events;
    Ok((
        events / sent.took.as_secs_f64(),
        micros(SIMULATORS),
        micros(CLIENTS),
    ))
}

/// Messages a second through two streams in memory.
async fn bare_relay(lasting: Duration) -> Result<f64> {
    let folder = repository().join("target/e2e/floors");
    fs::create_dir_all(&folder)?;
    let mut server = NatsServer::bare(&folder)?;
    server.process.start()?;
    server.ready().await?;
    let jetstream = async_nats::jetstream::new(server.client("operator").await?);
    let work = stream(&jetstream, "WORK", RetentionPolicy::WorkQueue).await?;
    let results = stream(&jetstream, "RESULTS", RetentionPolicy::Limits).await?;
    let queue = work.create_consumer(pull::Config {
        durable_name: Some("relay".into()),
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: 4_096,
        ..pull::Config::default()
    });
    let (messages, mut received) = (queue.await?.messages().await?, received(&results).await?);
    let (relayed, to_acknowledge) = mpsc::channel(WINDOW);
    let _relaying = AbortOnDropHandle::new(tokio::spawn(relay(jetstream.clone(), messages, relayed)));
    let _acknowledging = AbortOnDropHandle::new(tokio::spawn(acknowledge(to_acknowledge)));
    let _publishing = AbortOnDropHandle::new(tokio::spawn(publish(jetstream)));
    // The first is the beginning, so that connecting is not measured.
    received.next().await.context("nothing was relayed")??;
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < lasting {
        received.next().await.context("the consumer has ended")??;
        count += 1;
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

async fn stream(jetstream: &Context, name: &str, retention: RetentionPolicy) -> Result<Stream> {
    let config = Config {
        name: name.into(),
        subjects: vec![name.to_lowercase()],
        retention,
        storage: StorageType::Memory,
        ..Config::default()
    };
    eventually("JetStream makes a stream", async || {
        Ok(jetstream.get_or_create_stream(config.clone()).await?)
    })
    .await
}

async fn received(results: &Stream) -> Result<pull::Ordered> {
    let consumer = results.create_consumer(pull::OrderedConfig {
        deliver_policy: DeliverPolicy::All,
        ..pull::OrderedConfig::default()
    });
    Ok(consumer.await?.messages().await?)
}

/// Publishes continuously, with a window of outstanding acknowledgements.
async fn publish(jetstream: Context) -> Result<()> {
    let mut acks = VecDeque::with_capacity(WINDOW);
    loop {
        acks.push_back(jetstream.publish("work", Bytes::from_static(&PAYLOAD)).await?);
        if acks.len() == WINDOW
            && let Some(oldest) = acks.pop_front()
        {
            oldest.await?;
        }
    }
}

/// Publishes everything it receives.
async fn relay(
    jetstream: Context,
    mut messages: pull::Stream,
    relayed: mpsc::Sender<(Message, PublishAckFuture)>,
) -> Result<()> {
    while let Some(message) = messages.next().await {
        let message = message?;
        let ack = jetstream.publish("results", message.payload.clone()).await?;
        relayed.send((message, ack)).await?;
    }
    Ok(())
}

/// Acknowledges a message once the other stream has stored it.
async fn acknowledge(mut relayed: mpsc::Receiver<(Message, PublishAckFuture)>) -> Result<()> {
    while let Some((message, ack)) = relayed.recv().await {
        ack.await?;
        message.ack().await.map_err(anyhow::Error::from_boxed)?;
    }
    Ok(())
}
