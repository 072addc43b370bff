//! Finds out who visitors are, and republishes what may be shown.
//!
//! A library only so that benches reach the pure parts that run for each event.

mod activity;
mod amend;
pub mod answer;
mod backlog;
mod breaker;
mod budget;
mod concurrency;
mod deanonymizer;
mod delivery;
mod email;
mod entry;
mod explain;
mod flags;
mod fleet;
mod gauges;
mod guard;
pub mod hidden_companies;
mod intake;
mod ledger;
mod lookup;
mod message;
mod pipeline;
pub mod profile;
mod publish;
mod replica;
pub mod sessions;
mod standing;
mod tally;
mod waiting;
mod writes;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use protocol::status::Figures;
use service::status::Reporter;
use service::{Process, process};
use tokio::sync::mpsc;

use crate::amend::Amender;
use crate::deanonymizer::Deanonymizer;
use crate::explain::Explain;
use crate::flags::Flags;
use crate::fleet::Fleet;
use crate::gauges::Gauges;
use crate::guard::Guard;
use crate::intake::Queue;
use crate::lookup::{Lifetimes, Lookup};
use crate::pipeline::Pipeline;
use crate::publish::Publisher;
use crate::replica::Replica;

/// How many fetched messages may wait for the pipeline.
const MESSAGES_UNDER_WAY: usize = 64;

/// Runs the process to its end; see the flags.
pub fn main() -> ExitCode {
    process::main(run)
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let process = Process::start("enricher", &flags, &[intake::PART, replica::PART]).await?;
    let (nats, streams, health) = (
        process.nats.clone(),
        process.streams.clone(),
        process.health.clone(),
    );
    let gauges = Arc::new(Gauges::new(&process.metrics, flags.price_per_lookup));
    let replica = Replica::new(flags.cache_capacity);
    let fleet = Fleet::new(nats.clone(), &process.instance);
    let guard = Guard::new(flags.lookup_concurrency, flags.lookup_budget.0, fleet.clone());
    let reporter = reporter(
        &process,
        &gauges,
        &guard,
        Explain::new(replica.clone(), fleet.clone()),
    );
    let lookup = lookup(&flags, &replica, &fleet, guard.clone(), &gauges)?;
    let queue = Queue::new(
        nats.clone(),
        streams.clone(),
        flags.stale_after,
        health.clone(),
        Arc::clone(&gauges),
    );
    let pipeline = Pipeline::new(
        lookup,
        Publisher::new(nats.clone(), &process.instance).await?,
        Amender::new(nats.clone()),
        process.rejected.clone(),
        flags.stale_after,
        flags.show_unidentified_after.0,
        gauges,
    );
    let (sender, intake) = mpsc::channel(MESSAGES_UNDER_WAY);

    // The copy holds nothing that must be finished, so it ends with the runtime.
    tokio::spawn(replica.follow(fleet, guard, nats, streams, health));
    process.tasks.spawn(queue.run(sender, process.shutdown.clone()));
    process
        .tasks
        .spawn(pipeline.run(intake, process.shutdown.clone()));
    let routes = process.routes();
    process.run(routes, reporter).await;
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
    let hidden = flags.hidden();
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
fn reporter(process: &Process, gauges: &Arc<Gauges>, guard: &Guard, explain: Explain) -> Reporter {
    let (gauges, guard) = (Arc::clone(gauges), guard.clone());
    let figures = move || Figures::Enricher(gauges.figures(&guard));
    let explain = move |payload: bytes::Bytes| {
        let explain = explain.clone();
        async move { explain.answer(&payload).await }
    };
    process
        .reporter(figures)
        .with_endpoint("explain", explain::SUBJECT, explain)
}
