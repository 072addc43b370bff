//! Load through the whole pipeline, and then every session must be right: `make soak`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use e2e::load::Usage;
use e2e::oracle::ExpectedView;
use e2e::processes::{Pipeline, Role};
use simulator::deanonymizer::DeanonymizerStats;
use simulator::emitter::EmitterConfig;
use simulator::load::{Load, LoadConfig, Mix};

/// Sends load through the whole pipeline, then compares every session in the view with what was sent.
#[derive(Parser)]
struct Flags {
    /// Events per second.
    #[arg(long, default_value_t = 20_000.0)]
    rate: f64,

    /// Number of live sessions.
    #[arg(long, default_value_t = 10_000)]
    sessions: usize,

    /// How long to send, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,

    /// Number of enrichers.
    #[arg(long, default_value_t = 2)]
    enrichers: usize,

    /// Number of WebSocket clients.
    #[arg(long, default_value_t = 1)]
    viewers: usize,

    /// Number of visitors' addresses, which is also the number of lookups needed.
    #[arg(long, default_value_t = 2_000)]
    addresses: u32,

    /// Send only keep-alives of known visitors instead of the real mix.
    #[arg(long)]
    light: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match soak(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(flags: Flags) -> Result<()> {
    let pipeline = Pipeline::builder()
        .with(Role::Enricher, flags.enrichers)
        .emitter(EmitterConfig::default())
        .start()
        .await?;
    let mut viewers = Vec::new();
    for _ in 0..flags.viewers {
        viewers.push(pipeline.viewer().await?);
    }
    let mut load = Load::new(&load_config(&flags));
    println!(
        "{} events/s, {} sessions, {} enrichers",
        flags.rate, flags.sessions, flags.enrichers
    );
    let opened = load.open_all(&pipeline.emitter).await;
    let before = Usage::now()?;
    let sent = load
        .run(&pipeline.emitter, Duration::from_secs(flags.seconds))
        .await;
    let expected = ExpectedView::after_load(&load);
    let settled = std::time::Instant::now();
    let right = pipeline.shows_exactly(&expected, &viewers).await;
    let settled = settled.elapsed();

    let events = sent.sent.events();
    println!(
        "sent {} events in {:.1} s, after {} openings",
        events,
        sent.took.as_secs_f64(),
        opened.sent.events()
    );
    println!("{} sessions are active and shown", expected.count());
    print_usage(&Usage::now()?.since(&before), events);
    print_lookups(&pipeline.deanonymizer.stats());
    let dropped = pipeline
        .metric(Role::Ingestor, "visitor_ingestor_events_dropped_total")
        .await?;
    right?;
    ensure!(dropped == 0, "{dropped} events were given up");
    println!(
        "every session is right, {:.1} s after the last event: nothing missing, nothing too much",
        settled.as_secs_f64()
    );
    Ok(())
}

fn load_config(flags: &Flags) -> LoadConfig {
    let usual = LoadConfig::default();
    LoadConfig {
        rate: flags.rate,
        sessions: flags.sessions,
        mix: if flags.light { Mix::Light } else { Mix::Real },
        churn: if flags.light { 0.0 } else { usual.churn },
        addresses: flags.addresses,
        ..usual
    }
}

fn print_usage(usage: &Usage, events: u64) {
    println!(
        "{:<12} {:>8} {:>14} {:>10}",
        "process", "CPU s", "µs per event", "MiB"
    );
    for (name, used) in usage.iter() {
        println!(
            "{name:<12} {:>8.1} {:>14.2} {:>10}",
            used.cpu_seconds,
            used.cpu_seconds * 1e6 / events.max(1) as f64,
            used.memory >> 20
        );
    }
}

fn print_lookups(stats: &DeanonymizerStats) {
    let most = stats
        .most_calls_for_one_ip
        .as_ref()
        .map_or(0, |busiest| busiest.calls);
    println!(
        "{} calls for {} IPs, at most {most} for one",
        stats.calls, stats.distinct_ips
    );
}
