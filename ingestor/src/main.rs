//! Reads the `SessionsEmitter` and publishes its events to NATS.

mod feed;
mod flags;
mod gauges;
mod outbox;
mod publish;

use std::process::ExitCode;
use std::sync::Arc;

use protocol::status::Figures;
use service::health::Health;
use service::metrics::Metrics;
use service::rejected::Rejected;
use service::streams::Streams;
use service::{Nats, flags as service_flags, healthcheck, http, instance, shutdown, status, telemetry};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::feed::Feed;
use crate::flags::Flags;
use crate::gauges::Gauges;
use crate::publish::Publisher;

/// The process's name, in subjects, metrics and as NATS user.
const PROCESS: &str = "ingestor";

/// How many accepted events may be on their way from the socket to the publisher.
const EVENTS_UNDER_WAY: usize = 8 * 1024;

fn main() -> ExitCode {
    let flags = match service_flags::parse::<Flags>() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    if let Some(service_flags::Command::Healthcheck) = flags.command {
        return healthcheck::run(flags.http_listen);
    }
    telemetry::start(flags.common.log_format);
    service::runtime::run(run(flags))
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal()?;
    let listener = http::listen("--http-listen", flags.http_listen).await?;
    let instance = instance::name();
    let health = Health::starting(&[service::nats::PART, feed::PART, publish::PART]);
    let metrics = Metrics::new(PROCESS);
    let nats = Nats::connect(PROCESS, &instance, &flags.common, &health, &metrics).await?;
    let rejected = Rejected::new(PROCESS, &metrics, nats.clone());
    let gauges = Arc::new(Gauges::new(&metrics));
    let streams = Streams::new(nats.clone(), flags.common.nats_replicas);

    let figures = {
        let (gauges, rejected) = (Arc::clone(&gauges), rejected.clone());
        move || Figures::Ingestor(gauges.figures(rejected.count()))
    };
    let reporter = status::Reporter::new(PROCESS, &instance, health.clone(), figures);
    let (sender, events) = mpsc::channel(EVENTS_UNDER_WAY);
    let feed = Feed::new(
        flags.feed(),
        sender,
        rejected,
        health.clone(),
        Arc::clone(&gauges),
    );
    let publisher = Publisher::new(flags.limits(), nats.clone(), streams, health.clone(), gauges);

    let tasks = TaskTracker::new();
    tasks.spawn(http::serve(
        listener,
        http::routes(health, metrics),
        shutdown.clone(),
    ));
    tasks.spawn(reporter.run(nats, shutdown.clone()));
    tasks.spawn(feed.run(shutdown.clone()));
    // The feed ends with the shutdown and closes the channel; the publisher ends once what was in it is acknowledged.
    tasks.spawn(publisher.run(events));
    tasks.close();
    shutdown::wait(&shutdown, &tasks).await;
    Ok(())
}
