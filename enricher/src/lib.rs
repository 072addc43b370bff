//! Finds out who visitors are, and republishes what may be shown.
//!
//! A library only so that benches reach the pure parts that run for each event.

mod address_key;
mod check_provider;
mod explain;
mod filter;
mod flags;
mod lookup;
mod metrics;
mod pipeline;
mod queue;
mod records;
pub mod sighting;
mod verdict;

pub use crate::filter::{hidden_companies, profile};
pub use crate::lookup::provider::native;
pub use crate::records::sessions;

use std::process::ExitCode;
use std::sync::Arc;

use protocol::status::{EnricherFigures, Figures};
use service::health::Health;
use service::status::Reporter;
use service::{Process, process};
use tokio::sync::mpsc;

use crate::address_key::AddressHasher;
use crate::explain::Explain;
use crate::filter::rules::Rules;
use crate::flags::{Command, Flags};
use crate::lookup::admission::account_gate::AccountGate;
use crate::lookup::admission::guard::Guard;
use crate::lookup::billing::meter::Meter;
use crate::lookup::cache::fleet::Fleet;
use crate::lookup::cache::replica::{self, Replica};
use crate::lookup::cache::secrets::{self, Secrets};
use crate::lookup::cache::verdict_store::VerdictStore;
use crate::lookup::free_tier::FreeTier;
use crate::lookup::provider::deanonymizer::{Deanonymizer, Service};
use crate::lookup::{Lifetimes, Lookup};
use crate::metrics::Metrics;
use crate::pipeline::{Pipeline, Setup};
use crate::queue::intake::{self, Queue};
use crate::queue::opened_events::OpenedEventsReader;
use crate::records::live_records::{self, LiveRecords};
use crate::records::publish::Publisher;
use crate::records::updater::RecordUpdater;
use crate::records::{peers, stream_capacity};

/// How many fetched messages may wait for the pipeline.
const FETCHED_MESSAGES: usize = 64;

/// Runs the process to its end; see the flags.
pub fn main() -> ExitCode {
    process::main(run)
}

async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    // Before anything connects: what is wrong with a file is said at once.
    let deanonymizer = flags.deanonymizer()?;
    let free_tier = flags.free_tier(deanonymizer.service())?;
    if let Some(Command::CheckProvider { ip }) = &flags.command {
        return check_provider::run(&deanonymizer, &free_tier, &flags.hidden(), ip).await;
    }
    Box::pin(enrich(flags, deanonymizer, free_tier)).await
}

async fn enrich(flags: Flags, deanonymizer: Deanonymizer, free_tier: FreeTier) -> anyhow::Result<ExitCode> {
    free_tier.follow();
    log_provider(&deanonymizer);
    let process = Process::start(
        "enricher",
        &flags,
        &[intake::PART, replica::PART, secrets::PART, live_records::PART],
    )
    .await?;
    let (nats, streams, health) = (
        process.nats.clone(),
        process.streams.clone(),
        process.health.clone(),
    );
    let metrics = Arc::new(Metrics::new(&process.metrics, flags.price_per_lookup));
    let (judged_sender, judged) = mpsc::unbounded_channel();
    let replica = Replica::new(flags.cache_capacity, judged_sender);
    let rules = Arc::new(Rules::new(flags.hidden()));
    let hasher = AddressHasher::new(secrets::new_secret());
    let fleet = Fleet::new(nats.clone(), &process.instance, Arc::clone(&rules));
    let meter = meter(&flags, &fleet, &metrics);
    let guard = guard(&flags, meter.clone(), &fleet, hasher.clone(), health.clone())?;
    let reporter = reporter(
        &process,
        &metrics,
        &guard,
        (Arc::clone(&rules), hasher.clone()),
        Explain::new(replica.clone(), fleet.clone(), hasher.clone()),
    );
    let store = VerdictStore::new(&process, fleet.clone());
    let lookup = lookup(
        &flags,
        deanonymizer,
        &rules,
        &replica,
        store,
        guard.clone(),
        &metrics,
    );
    let capacity = stream_capacity::watch(nats.clone(), flags.remember_closings, health.clone());
    let pipeline = Pipeline::new(Setup {
        lookup,
        free_tier,
        hasher: hasher.clone(),
        publisher: Publisher::new(nats.clone(), &process.instance).await?,
        updater: RecordUpdater::new(nats.clone()),
        opened_events: OpenedEventsReader::new(nats.clone()),
        capacity: capacity.clone(),
        judged,
        rejected: process.rejected.clone(),
        stale_after: flags.stale_after,
        show_unidentified_after: flags.show_unidentified_after.0,
        publish_hidden_closings: flags.publish_hidden_closings(),
        metrics: Arc::clone(&metrics),
    });
    let queue = Queue::new(
        nats.clone(),
        streams.clone(),
        flags.stale_after,
        health.clone(),
        Arc::clone(&metrics),
    );
    let (sender, intake) = mpsc::channel(FETCHED_MESSAGES);

    let live_records = LiveRecords {
        others: peers::listen(nats.clone(), Arc::clone(&rules), hasher.clone(), guard.clone()),
        rules,
        hasher: hasher.clone(),
        replica: replica.clone(),
        nats: nats.clone(),
        streams: streams.clone(),
        capacity,
        health: health.clone(),
        metrics,
    };
    let (agreed, secrets) = Secrets::new(
        hasher,
        replica.clone(),
        nats.clone(),
        streams.clone(),
        health.clone(),
    );

    // These hold nothing that must be finished, so they end with the runtime.
    tokio::spawn(secrets.follow());
    tokio::spawn(live_records.run());
    tokio::spawn(meter.clone().run(nats.clone()));
    tokio::spawn(replica.follow(fleet, guard, nats, streams, health));
    let shutdown = process.shutdown.clone();
    process.tasks.spawn(async move {
        // Nothing is hashed before.
        tokio::select! {
            () = agreed.wait() => Box::pin(queue.run(sender, shutdown)).await,
            () = shutdown.cancelled() => {}
        }
    });
    process
        .tasks
        .spawn(pipeline.run(intake, process.shutdown.clone()));
    let routes = process.routes();
    process.run(routes, reporter).await;
    meter.write_last().await;
    Ok(ExitCode::SUCCESS)
}

fn log_provider(deanonymizer: &Deanonymizer) {
    if let Service::Provider(provider) = deanonymizer.service() {
        tracing::info!(
            provider = provider.name,
            "asks an identification service in the Deanonymizer's place"
        );
    }
}

fn meter(flags: &Flags, fleet: &Fleet, metrics: &Arc<Metrics>) -> Meter {
    let has_budget = flags.lookup_budget.0.is_some();
    let (counted, paid) = (Arc::clone(metrics), Arc::clone(&metrics.paid));
    Meter::new(fleet.clone(), has_budget, move || counted.lookups(), paid)
}

fn guard(
    flags: &Flags,
    meter: Meter,
    fleet: &Fleet,
    hasher: AddressHasher,
    health: Health,
) -> anyhow::Result<Guard> {
    let key_file = flags.key_file()?;
    let account = AccountGate::new(fleet.clone(), key_file, hasher, flags.account_retry, health);
    tokio::spawn(account.clone().watch_key());
    Ok(Guard::new(
        flags.lookup_concurrency,
        flags.lookup_budget.0,
        account,
        meter,
        fleet.instance(),
    ))
}

fn lookup(
    flags: &Flags,
    deanonymizer: Deanonymizer,
    rules: &Arc<Rules>,
    replica: &Replica,
    store: VerdictStore,
    guard: Guard,
    metrics: &Arc<Metrics>,
) -> Lookup {
    let lifetimes = Lifetimes {
        profile: flags.profile_ttl,
        unknown: flags.unknown_ttl,
    };
    Lookup::new(
        replica.clone(),
        store,
        guard,
        deanonymizer,
        Arc::clone(rules),
        lifetimes,
        Arc::clone(metrics),
    )
}

/// Tells how this enricher is, and explains addresses.
fn reporter(
    process: &Process,
    metrics: &Arc<Metrics>,
    guard: &Guard,
    (rules, hasher): (Arc<Rules>, AddressHasher),
    explain: Explain,
) -> Reporter {
    let (metrics, guard) = (Arc::clone(metrics), guard.clone());
    let figures = move || {
        Figures::Enricher(EnricherFigures {
            rules: Some(rules.fingerprint(&hasher)),
            ..metrics.figures(&guard)
        })
    };
    let explain = move |payload: bytes::Bytes| {
        let explain = explain.clone();
        async move { explain.answer(&payload).await }
    };
    process
        .reporter(figures)
        .with_endpoint("explain", explain::SUBJECT, explain)
}
