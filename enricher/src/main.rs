//! Finds out who visitors are, and republishes what may be shown.

mod activity;
mod answer;
mod deanonymizer;
mod email;
mod flags;
mod gauges;
mod intake;
mod ledger;
mod lookup;
mod pipeline;
mod profile;
mod publish;
mod sessions;
mod waiting;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use protocol::status::Figures;
use service::health::Health;
use service::metrics::Metrics;
use service::rejected::Rejected;
use service::streams::Streams;
use service::{Nats, flags as service_flags, healthcheck, http, instance, shutdown, status, telemetry};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::deanonymizer::Deanonymizer;
use crate::flags::Flags;
use crate::gauges::Gauges;
use crate::intake::Queue;
use crate::lookup::{Lifetimes, Lookup};
use crate::pipeline::Pipeline;
use crate::profile::HiddenCompanies;
use crate::publish::Publisher;

/// The process's name, in subjects, metrics and as NATS user.
const PROCESS: &str = "enricher";

/// How many fetched messages may wait for the pipeline.
const MESSAGES_UNDER_WAY: usize = 64;

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
    let health = Health::starting(&[service::nats::PART, intake::PART]);
    let metrics = Metrics::new(PROCESS);
    let nats = Nats::connect(PROCESS, &instance, &flags.common, &health, &metrics).await?;
    let rejected = Rejected::new(PROCESS, &metrics, nats.clone());
    let gauges = Arc::new(Gauges::new(&metrics));
    let streams = Streams::new(nats.clone(), flags.common.nats_replicas);

    let deanonymizer = Deanonymizer::new(flags.deanonymizer_url, flags.lookup_timeout)
        .context("cannot use the system's certificates for --deanonymizer-url")?;
    let lookup = Lookup::new(
        deanonymizer,
        HiddenCompanies::new(&flags.hidden_companies),
        Lifetimes {
            profile: flags.profile_ttl,
            unknown: flags.unknown_ttl,
        },
        flags.cache_capacity,
        flags.lookup_concurrency.into(),
        Arc::clone(&gauges),
    );
    let figures = {
        let gauges = Arc::clone(&gauges);
        move || Figures::Enricher(gauges.figures())
    };
    let reporter = status::Reporter::new(PROCESS, &instance, health.clone(), figures);
    let publisher = Publisher::new(nats.clone(), &instance);
    let pipeline = Pipeline::new(lookup, publisher, rejected, flags.stale_after, gauges);
    let queue = Queue::new(nats.clone(), streams, flags.stale_after, health.clone());
    let (sender, intake) = mpsc::channel(MESSAGES_UNDER_WAY);

    let tasks = TaskTracker::new();
    tasks.spawn(http::serve(
        listener,
        http::routes(health, metrics),
        shutdown.clone(),
    ));
    tasks.spawn(reporter.run(nats, shutdown.clone()));
    tasks.spawn(queue.run(sender, shutdown.clone()));
    tasks.spawn(pipeline.run(intake, shutdown.clone()));
    tasks.close();
    shutdown::wait(&shutdown, &tasks).await;
    Ok(())
}
