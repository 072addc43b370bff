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

use crate::emitter::address;
use crate::emitter::feed::Feed;
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
    let names = address::names(&flags.emitter_url);
    let emitters: Vec<_> = names.iter().map(|name| part(name, names.len())).collect();
    let parts: Vec<_> = emitters
        .iter()
        .map(String::as_str)
        .chain([publisher::PART])
        .collect();
    let process = Process::start("ingestor", &flags, &parts).await?;
    let metrics = Arc::new(IngestorMetrics::new(&process.metrics, &names));
    let figures = {
        let (metrics, rejected) = (Arc::clone(&metrics), process.rejected.clone());
        move || Figures::Ingestor(metrics.figures(rejected.count()))
    };
    let (sender, events) = mpsc::channel(MAX_WAITING_GROUPS);
    for ((url, part), emitter) in flags.emitter_url.iter().zip(emitters).zip(metrics.emitters()) {
        let feed = Feed::new(
            flags.feed(url),
            part,
            sender.clone(),
            process.rejected.clone(),
            process.health.clone(),
            Arc::clone(&metrics),
            Arc::clone(emitter),
        );
        process.tasks.spawn(feed.run(process.shutdown.clone()));
    }
    drop(sender);
    let (nats, streams, health) = (
        process.nats.clone(),
        process.streams.clone(),
        process.health.clone(),
    );
    let publisher = Publisher::new(
        flags.limits(),
        nats,
        streams,
        process.rejected.clone(),
        health,
        metrics,
    );
    // The feeds end on shutdown and close the channel. The publisher ends once all events are acknowledged.
    process.tasks.spawn(publisher.run(events));
    let (routes, reporter) = (process.routes(), process.reporter(figures));
    process.run(routes, reporter).await;
    Ok(ExitCode::SUCCESS)
}

/// The name of an emitter in health. The address is included only if there are several emitters.
fn part(name: &str, emitters: usize) -> String {
    if emitters == 1 {
        "emitter".to_owned()
    } else {
        format!("emitter {name}")
    }
}
