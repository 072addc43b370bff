//! Finds out who visitors are, and republishes what may be shown.

mod activity;
mod answer;
mod breaker;
mod budget;
mod concurrency;
mod deanonymizer;
mod email;
mod entry;
mod explain;
mod flags;
mod fleet;
mod gauges;
mod guard;
mod intake;
mod ledger;
mod lookup;
mod pipeline;
mod profile;
mod publish;
mod replica;
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
use crate::explain::Explain;
use crate::flags::Flags;
use crate::fleet::Fleet;
use crate::gauges::Gauges;
use crate::guard::Guard;
use crate::intake::Queue;
use crate::lookup::{Lifetimes, Lookup};
use crate::pipeline::Pipeline;
use crate::profile::HiddenCompanies;
use crate::publish::Publisher;
use crate::replica::Replica;

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
    flags.check()?;
    let shutdown = shutdown::on_signal()?;
    let listener = http::listen("--http-listen", flags.http_listen).await?;
    let instance = instance::name();
    let health = Health::starting(&[service::nats::PART, intake::PART, replica::PART]);
    let metrics = Metrics::new(PROCESS);
    let nats = Nats::connect(PROCESS, &instance, &flags.common, &health, &metrics).await?;
    let streams = Streams::new(nats.clone(), flags.common.nats_replicas);
    let gauges = Arc::new(Gauges::new(&metrics, flags.price_per_lookup));
    let replica = Replica::new(flags.cache_capacity);
    let fleet = Fleet::new(nats.clone(), &instance);
    let guard = Guard::new(flags.lookup_concurrency, flags.lookup_budget.0, fleet.clone());
    let reporter = reporter(
        &instance,
        &health,
        &gauges,
        &guard,
        Explain::new(replica.clone(), fleet.clone()),
    );
    let lookup = lookup(&flags, &replica, &fleet, guard, &gauges)?;
    let pipeline = Pipeline::new(
        lookup,
        Publisher::new(nats.clone(), &instance),
        Rejected::new(PROCESS, &metrics, nats.clone()),
        flags.stale_after,
        flags.show_unidentified_after.0,
        gauges,
    );
    let queue = Queue::new(nats.clone(), streams.clone(), flags.stale_after, health.clone());
    let (sender, intake) = mpsc::channel(MESSAGES_UNDER_WAY);

    // The copy holds nothing that must be finished, so it ends with the runtime.
    tokio::spawn(replica.follow(fleet, nats.clone(), streams, health.clone()));
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

fn lookup(
    flags: &Flags,
    replica: &Replica,
    fleet: &Fleet,
    guard: Guard,
    gauges: &Arc<Gauges>,
) -> anyhow::Result<Lookup> {
    let deanonymizer = Deanonymizer::new(flags.deanonymizer_url.clone(), flags.lookup_timeout)
        .context("cannot use the system's certificates for --deanonymizer-url")?;
    let hidden = HiddenCompanies::new(&flags.hidden_companies);
    let lifetimes = Lifetimes {
        profile: flags.profile_ttl,
        unknown: flags.unknown_ttl,
    };
    Ok(Lookup::new(
        replica.clone(),
        fleet.clone(),
        guard,
        deanonymizer,
        hidden,
        lifetimes,
        Arc::clone(gauges),
    ))
}

/// Tells how this enricher is, and explains addresses.
fn reporter(
    instance: &str,
    health: &Health,
    gauges: &Arc<Gauges>,
    guard: &Guard,
    explain: Explain,
) -> status::Reporter {
    let (gauges, guard) = (Arc::clone(gauges), guard.clone());
    let figures = move || Figures::Enricher(gauges.figures(&guard));
    let explain = move |payload: bytes::Bytes| {
        let explain = explain.clone();
        async move { explain.answer(&payload).await }
    };
    status::Reporter::new(PROCESS, instance, health.clone(), figures).with_endpoint(
        "explain",
        explain::SUBJECT,
        explain,
    )
}
