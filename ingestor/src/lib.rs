//! Reads the `SessionsEmitter` and publishes its events to NATS.
//!
//! It is a library so that benches can call the pure parts that run for each event.

mod emitter;
mod flags;
mod metrics;
pub mod outbox;
mod publish;
mod replay;

use std::process::ExitCode;
use std::sync::Arc;

use protocol::status::Figures;
use service::{Process, process};
use tokio::sync::mpsc;

use crate::emitter::feed::{self, Feed};
use crate::flags::{Command, Flags};
use crate::metrics::IngestorMetrics;
use crate::publish::publisher::{self, Publisher};

/// How many groups of events may wait for the publisher.
const MAX_WAITING_GROUPS: usize = 32;

/// Runs the process until it exits.
pub fn main() -> ExitCode {
    process::main(run)
}

async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    if let Some(Command::Replay) = flags.command {
        return Ok(replay::run(&flags.common).await);
    }
    let process = Process::start("ingestor", &flags, &[feed::PART, publisher::PART]).await?;
    let metrics = Arc::new(IngestorMetrics::new(&process.metrics));
    let figures = {
        let (metrics, rejected) = (Arc::clone(&metrics), process.rejected.clone());
        move || Figures::Ingestor(metrics.figures(rejected.count()))
    };
    let (sender, events) = mpsc::channel(MAX_WAITING_GROUPS);
    let (health, rejected) = (process.health.clone(), process.rejected.clone());
    let feed = Feed::new(
        flags.feed(),
        sender,
        rejected,
        health.clone(),
        Arc::clone(&metrics),
    );
    let (nats, streams) = (process.nats.clone(), process.streams.clone());
    let publisher = Publisher::new(flags.limits(), nats, streams, health, metrics);

    process.tasks.spawn(feed.run(process.shutdown.clone()));
    // The feed ends on shutdown and closes the channel. The publisher ends once all events are acknowledged.
    process.tasks.spawn(publisher.run(events));
    let (routes, reporter) = (process.routes(), process.reporter(figures));
    process.run(routes, reporter).await;
    Ok(ExitCode::SUCCESS)
}
