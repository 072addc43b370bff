//! Measures recovery times, and memory under faults and overload: the figures of `docs/reliability.md`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use e2e::load::Usage;
use e2e::processes::{Pipeline, Role};
use e2e::{Visitor, WAIT_TIMEOUT, within};
use simulator::emitter::EmitterConfig;
use simulator::load::{Load, LoadConfig, Mix};
use simulator::world::Kind;

/// The timeout of each recovery.
const SETTLING: Duration = Duration::from_mins(5);

/// Measures recovery times and memory.
#[derive(Parser)]
struct Flags {
    /// Number of live sessions.
    #[arg(long, default_value_t = 100_000)]
    sessions: usize,

    #[command(subcommand)]
    hardship: Hardship,
}

#[derive(Clone, Copy, Subcommand)]
enum Hardship {
    /// Kills and restarts each process once.
    Restarts,
    /// Stops NATS for a while, under load.
    Outage {
        #[arg(long, default_value_t = 5.0)]
        minutes: f64,
        #[arg(long, default_value_t = 2_000.0)]
        rate: f64,
    },
    /// Sends more events per second than can be processed.
    Overload {
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
        #[arg(long)]
        rate: f64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(&Flags::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: &Flags) -> Result<()> {
    let mut site = Pipeline::builder()
        .emitter(EmitterConfig::default())
        .start()
        .await?;
    let mut load = Load::new(&LoadConfig {
        rate: 20_000.0,
        sessions: flags.sessions,
        mix: Mix::Light,
        ..LoadConfig::default()
    });
    load.open_all(&site.emitter).await;
    all_shown(&site, flags.sessions).await?;
    println!("{} sessions are shown", flags.sessions);
    match flags.hardship {
        Hardship::Restarts => restarts(&mut site, flags.sessions).await,
        Hardship::Outage { minutes, rate } => {
            load.set_rate(rate);
            outage(&mut site, &mut load, Duration::from_secs_f64(minutes * 60.0)).await?;
            all_shown(&site, load.active().count()).await
        }
        Hardship::Overload { minutes, rate } => {
            load.set_rate(rate);
            overload(&site, &mut load, Duration::from_secs_f64(minutes * 60.0)).await
        }
    }
}

async fn restarts(site: &mut Pipeline, sessions: usize) -> Result<()> {
    let began = Instant::now();
    site.gateway()?.process.restart().await?;
    site.ready().await?;
    all_shown(site, sessions).await?;
    took(
        "gateway: killed and started, until it is ready with all sessions",
        began,
    );

    let began = Instant::now();
    site.enricher()?.process.restart().await?;
    a_visitor_is_shown(site).await?;
    took(
        "enricher: killed and started, until a new visitor is shown",
        began,
    );

    let began = Instant::now();
    site.ingestor()?.process.restart().await?;
    site.emitter.wait_for_clients(1, WAIT_TIMEOUT).await?;
    a_visitor_is_shown(site).await?;
    took(
        "ingestor: killed and started, until a new visitor is shown",
        began,
    );

    let began = Instant::now();
    site.emitter.close_all();
    site.emitter.wait_for_clients(1, WAIT_TIMEOUT).await?;
    a_visitor_is_shown(site).await?;
    took(
        "emitter: closed all connections, until a new visitor is shown",
        began,
    );

    let began = Instant::now();
    site.nats.process.restart().await?;
    site.ready().await?;
    took("NATS: killed and started, until all are ready", began);
    a_visitor_is_shown(site).await?;
    took("NATS: until a new visitor is shown", began);
    all_put_back(site, sessions).await?;
    took("NATS: until all sessions are put back", began);
    Ok(())
}

async fn outage(site: &mut Pipeline, load: &mut Load, lasting: Duration) -> Result<()> {
    let before = Usage::now()?;
    site.nats.process.kill().await?;
    load.run(&site.emitter, lasting).await;
    let during = Usage::now()?;
    let began = Instant::now();
    site.nats.process.start()?;
    site.ready().await?;
    took("NATS: started again, until all are ready", began);
    site.queue_is_empty().await?;
    took("NATS: until the queue is processed", began);
    print_memory(&[
        ("before", before),
        ("while NATS is away", during),
        ("afterwards", Usage::now()?),
    ]);
    print_dropped(site).await
}

async fn overload(site: &Pipeline, load: &mut Load, lasting: Duration) -> Result<()> {
    let before = Usage::now()?;
    let report = load.run(&site.emitter, lasting).await;
    let during = Usage::now()?;
    println!(
        "{} events in {:.0} s; {:.1} MiB wait for the slowest reader",
        report.sent.events(),
        report.took.as_secs_f64(),
        report.backlog as f64 / f64::from(1 << 20)
    );
    print_memory(&[("before", before), ("at the end", during)]);
    print_dropped(site).await?;
    let began = Instant::now();
    within(SETTLING, "the queue is processed", async || {
        site.queue_is_empty().await
    })
    .await?;
    took("until the queue is processed", began);
    Ok(())
}

fn took(what: &str, began: Instant) {
    println!("{what}: {:.1} s", began.elapsed().as_secs_f64());
}

async fn all_shown(site: &Pipeline, sessions: usize) -> Result<()> {
    within(SETTLING, "all sessions are shown", async || {
        let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
        ensure!(stats.active_sessions >= sessions as u64, "{stats:?}");
        Ok(())
    })
    .await
}

async fn a_visitor_is_shown(site: &Pipeline) -> Result<()> {
    let stats = async || site.instance(Role::Gateway, 0)?.http.stats().await;
    let before = stats().await?.active_sessions;
    site.send(&[Visitor::from(&site.ip(Kind::CompanyOnly, 7)).opened(0)]);
    within(SETTLING, "the visitor is shown", async || {
        let stats = stats().await?;
        ensure!(stats.active_sessions > before, "{stats:?}");
        Ok(())
    })
    .await
}

async fn all_put_back(site: &Pipeline, sessions: usize) -> Result<()> {
    let jetstream = site.operator().await?;
    within(SETTLING, "all sessions are put back", async || {
        let stream = jetstream.get_stream(protocol::stream::SESSIONS).await?;
        let messages = stream.cached_info().state.messages;
        ensure!(messages >= sessions as u64, "{messages}");
        Ok(())
    })
    .await
}

fn print_memory(times: &[(&str, Usage)]) {
    for name in ["ingestor", "enricher", "gateway", "nats-server"] {
        let of = |usage: &Usage| usage.of(name).memory >> 20;
        let seconds: Vec<_> = times
            .iter()
            .map(|(when, usage)| format!("{} MiB {when}", of(usage)))
            .collect();
        println!("{name}: {}", seconds.join(", "));
    }
}

async fn print_dropped(site: &Pipeline) -> Result<()> {
    let dropped = site
        .metric(Role::Ingestor, "visitor_ingestor_events_dropped_total")
        .await?;
    println!("{dropped} events were given up");
    Ok(())
}
