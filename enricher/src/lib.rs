//! Identifies visitors by their IP, and publishes what may be shown.
//!
//! It is a library so that benches and fuzz targets reach the pure parts.

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

pub use crate::filter::answer::Answer;
pub use crate::filter::{hidden_companies, profile};
pub use crate::lookup::provider::native;
pub use crate::records::sessions;

/// Identification services that files describe.
pub mod provider {
    pub use crate::lookup::provider::{Finding, Provider, Reason, find};
}

use std::process::ExitCode;
use std::sync::Arc;

use protocol::status::{EnricherFigures, Figures};
use service::health::Health;
use service::status::Reporter;
use service::status_codes::StatusCodes;
use service::{Process, process};
use tokio::sync::mpsc;

use crate::address_key::{AddressHasher, Key};
use crate::explain::Explain;
use crate::filter::rules::Rules;
use crate::flags::{Command, Flags};
use crate::lookup::admission::account_gate::AccountGate;
use crate::lookup::admission::guard::Guard;
use crate::lookup::billing::meter::Meter;
use crate::lookup::cache::local::{self, LocalCache};
use crate::lookup::cache::secrets::{self, Agreed, Secrets};
use crate::lookup::cache::shared::SharedCache;
use crate::lookup::cache::verdict_store::VerdictStore;
use crate::lookup::free_tier::FreeTier;
use crate::lookup::provider::deanonymizer::{Deanonymizer, Service};
use crate::lookup::{Lifetimes, Lookup};
use crate::metrics::Metrics;
use crate::pipeline::{Pipeline, Setup};
use crate::queue::intake::{self, Queue};
use crate::queue::opened_events::OpenedEventsReader;
use crate::records::live_records::{self, LiveRecords};
use crate::records::peers;
use crate::records::publish::Publisher;
use crate::records::stream_capacity::{self, StreamCapacity};
use crate::records::updater::RecordUpdater;

/// Maximum number of fetched messages that wait for the pipeline.
const FETCHED_MESSAGES: usize = 64;

/// Runs the process.
pub fn main() -> ExitCode {
    process::main(run)
}

async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    // Before anything connects, so that errors in files are reported at once.
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
    let names = [intake::PART, local::PART, secrets::PART, live_records::PART];
    let process = Process::start("enricher", &flags, &names).await?;
    let (judged_sender, judged) = mpsc::unbounded_channel();
    let parts = Parts::new(flags, process, judged_sender).await?;
    let pipeline = parts.pipeline(deanonymizer, free_tier, judged).await?;
    let queue = parts.queue();
    let live_records = parts.live_records();
    let reporter = parts.reporter();
    let (agreed, secrets) = parts.secrets();
    let Parts {
        process,
        local_cache,
        shared_cache,
        guard,
        meter,
        ..
    } = parts;
    let (nats, streams, health) = (
        process.nats.clone(),
        process.streams.clone(),
        process.health.clone(),
    );

    // These need no orderly end, so they end with the runtime.
    tokio::spawn(secrets.follow());
    tokio::spawn(live_records.run());
    tokio::spawn(meter.clone().run(nats.clone()));
    tokio::spawn(local_cache.follow(shared_cache, guard, nats, streams, health));
    let (sender, intake) = mpsc::channel(FETCHED_MESSAGES);
    let shutdown = process.shutdown.clone();
    process.tasks.spawn(async move {
        // No address is hashed before.
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

/// What several parts of the process share.
struct Parts {
    flags: Flags,
    process: Process,
    metrics: Arc<Metrics>,
    rules: Arc<Rules>,
    hasher: AddressHasher,
    local_cache: LocalCache,
    shared_cache: SharedCache,
    guard: Guard,
    meter: Meter,
    capacity: StreamCapacity,
}

impl Parts {
    async fn new(flags: Flags, process: Process, judged: mpsc::UnboundedSender<Key>) -> anyhow::Result<Self> {
        let (nats, health) = (process.nats.clone(), process.health.clone());
        let rules = Arc::new(Rules::new(flags.hidden()));
        let hasher = AddressHasher::new(secrets::new_secret());
        let shared_cache = SharedCache::new(nats.clone(), &process.instance, Arc::clone(&rules)).await?;
        let metrics = Arc::new(Metrics::new(&process.metrics, flags.price_per_lookup));
        let meter = meter(&flags, &shared_cache, &metrics);
        Ok(Self {
            local_cache: LocalCache::new(flags.cache_capacity, judged),
            guard: guard(
                &flags,
                meter.clone(),
                &shared_cache,
                hasher.clone(),
                health.clone(),
            )?,
            capacity: stream_capacity::watch(nats, flags.remember_closings, health),
            flags,
            process,
            metrics,
            rules,
            hasher,
            shared_cache,
            meter,
        })
    }

    async fn pipeline(
        &self,
        deanonymizer: Deanonymizer,
        free_tier: FreeTier,
        judged: mpsc::UnboundedReceiver<Key>,
    ) -> anyhow::Result<Pipeline> {
        let nats = &self.process.nats;
        Ok(Pipeline::new(Setup {
            lookup: self.lookup(deanonymizer),
            free_tier,
            hasher: self.hasher.clone(),
            publisher: Publisher::new(nats.clone(), &self.process.instance).await?,
            updater: RecordUpdater::new(nats.clone()),
            opened_events: OpenedEventsReader::new(nats.clone()),
            capacity: self.capacity.clone(),
            judged,
            rejected: self.process.rejected.clone(),
            stale_after: self.flags.stale_after,
            show_unidentified_after: self.flags.show_unidentified_after.0,
            publish_hidden_closings: self.flags.publish_hidden_closings(),
            metrics: Arc::clone(&self.metrics),
        }))
    }

    fn lookup(&self, deanonymizer: Deanonymizer) -> Lookup {
        let lifetimes = Lifetimes {
            profile: self.flags.profile_ttl,
            unknown: self.flags.unknown_ttl,
        };
        let help = "Answers of the Deanonymizer, by HTTP status";
        let responses = StatusCodes::new(&self.process.metrics, "call_responses", help);
        Lookup::new(
            self.local_cache.clone(),
            VerdictStore::new(&self.process, self.shared_cache.clone()),
            self.guard.clone(),
            deanonymizer.reporting_to(self.process.health.clone(), responses),
            Arc::clone(&self.rules),
            lifetimes,
            Arc::clone(&self.metrics),
        )
    }

    fn queue(&self) -> Queue {
        Queue::new(
            self.process.nats.clone(),
            self.process.streams.clone(),
            self.flags.stale_after,
            self.process.health.clone(),
            Arc::clone(&self.metrics),
        )
    }

    fn live_records(&self) -> LiveRecords {
        let nats = &self.process.nats;
        LiveRecords {
            others: peers::listen(
                nats.clone(),
                Arc::clone(&self.rules),
                self.hasher.clone(),
                self.guard.clone(),
                self.shared_cache.holders().clone(),
            ),
            rules: Arc::clone(&self.rules),
            hasher: self.hasher.clone(),
            local_cache: self.local_cache.clone(),
            nats: nats.clone(),
            streams: self.process.streams.clone(),
            capacity: self.capacity.clone(),
            health: self.process.health.clone(),
            metrics: Arc::clone(&self.metrics),
        }
    }

    fn secrets(&self) -> (Agreed, Secrets) {
        Secrets::new(
            self.hasher.clone(),
            self.local_cache.clone(),
            self.process.nats.clone(),
            self.process.streams.clone(),
            self.process.health.clone(),
        )
    }

    /// Publishes the status, and answers `visitor.explain`.
    fn reporter(&self) -> Reporter {
        let (metrics, guard) = (Arc::clone(&self.metrics), self.guard.clone());
        let (rules, hasher) = (Arc::clone(&self.rules), self.hasher.clone());
        let figures = move || {
            Figures::Enricher(EnricherFigures {
                rules: Some(rules.fingerprint(&hasher)),
                ..metrics.figures(&guard)
            })
        };
        let explain = Explain::new(
            self.local_cache.clone(),
            self.shared_cache.clone(),
            self.hasher.clone(),
        );
        let explain = move |payload: bytes::Bytes| {
            let explain = explain.clone();
            async move { explain.answer(&payload).await }
        };
        self.process.reporter(figures).with_endpoint(
            "explain",
            explain::SUBJECT,
            explain::DOCUMENTATION,
            explain,
        )
    }
}

fn meter(flags: &Flags, shared_cache: &SharedCache, metrics: &Arc<Metrics>) -> Meter {
    let has_budget = flags.lookup_budget.0.is_some();
    let (counted, paid) = (Arc::clone(metrics), Arc::clone(&metrics.lookups.paid_notify));
    Meter::new(
        shared_cache.clone(),
        has_budget,
        move || counted.lookups.figures(),
        paid,
    )
}

fn guard(
    flags: &Flags,
    meter: Meter,
    shared_cache: &SharedCache,
    hasher: AddressHasher,
    health: Health,
) -> anyhow::Result<Guard> {
    let key_file = flags.key_file()?;
    let account = AccountGate::new(
        shared_cache.clone(),
        key_file,
        hasher,
        flags.account_retry,
        health,
    );
    tokio::spawn(account.clone().watch_key());
    Ok(Guard::new(
        flags.lookup_concurrency,
        flags.lookup_budget.0,
        account,
        meter,
        shared_cache.instance(),
    ))
}
