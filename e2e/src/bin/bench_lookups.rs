//! The number of lookups of a fleet, how long visitors wait while the Deanonymizer has a fault, and how an outage affects
//! known visitors: `make bench-lookups`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use e2e::Visitor;
use e2e::load::{Condition, Latencies, LookupOutcome, LookupTrial, OutageTrial, VisitorLoad};
use e2e::processes::{Pipeline, Role};
use simulator::deanonymizer::Latency;
use simulator::world::Kind;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The latency of the Deanonymizer.
const LATENCY: Duration = Duration::from_millis(30);

/// The share of calls that it answers with 500.
const ERROR_RATE: f64 = 0.1;

/// How much longer known visitors may wait than with a healthy Deanonymizer, and the maximum ratio of handled to sent
/// events during an outage.
const MAX_SLOWDOWN: f64 = 1.2;
const MAX_HANDLED_RATIO: f64 = 1.5;

/// Maximum number of visitors that may wait for a second time-out where one call in ten is never answered.
const MAX_STILL_WAITING: usize = 30;

/// The trial of each fault.
const TRIAL: LookupTrial = LookupTrial {
    new_per_second: 100,
    known: 400,
    lasting: Duration::from_secs(15),
    grace: Duration::from_secs(6),
};

/// How many enrichers there are in the outage.
const ENRICHERS: usize = 4;

/// How many visitors are known before the outage; each has an event twice a second.
const KNOWN: u32 = 500;

/// Counts calls to the Deanonymizer in fleets of several sizes, with and without kills of enrichers, and measures the
/// effects of an outage.
#[derive(Parser)]
struct Flags {
    /// Numbers of enrichers, comma-separated.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8")]
    fleets: Vec<usize>,

    /// Addresses that visitors come from.
    #[arg(long, default_value_t = 1_000)]
    addresses: u32,

    /// How long visitors arrive, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u32,

    /// How long the outage lasts, in seconds.
    #[arg(long, default_value_t = 60)]
    outage: u64,

    /// Numbers of enrichers to test with each fault of the Deanonymizer, comma-separated.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4")]
    faults: Vec<usize>,

    /// Measures only how long visitors wait while the Deanonymizer has a fault.
    #[arg(long)]
    only_faults: bool,

    /// Measures only faults whose name contains this, such as "4 s late"; a healthy Deanonymizer always comes first.
    #[arg(long)]
    fault: Option<String>,

    /// Measures only the number of handled events during an outage.
    #[arg(long)]
    only_outage: bool,

    /// At which seconds of an outage the number of handled events is measured, comma-separated.
    #[arg(long, value_delimiter = ',', default_value = "10,120,600")]
    handled_at: Vec<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match bench(&Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(flags: &Flags) -> Result<()> {
    if !flags.only_outage {
        faults(flags).await?;
    }
    if !flags.only_faults {
        handled(flags).await?;
    }
    if flags.only_faults || flags.only_outage {
        return Ok(());
    }
    let mut rows = Vec::new();
    for enrichers in &flags.fleets {
        for kills in [false, true] {
            rows.push(calls_of_a_fleet(flags, *enrichers, kills).await?);
        }
    }
    let outage = outage(flags).await?;
    println!(
        "\n{:>9} {:>6} {:>6} {:>6} {:>8} {:>13}",
        "enrichers", "kills", "IPs", "calls", "answers", "calls per IP"
    );
    for row in rows {
        println!("{row}");
    }
    println!("\n{outage}");
    Ok(())
}

/// How long visitors wait under each fault of the Deanonymizer.
async fn faults(flags: &Flags) -> Result<()> {
    println!(
        "{:<20} {:>9} {:>5} {:>11} {:>13} {:>12} {:>13} {:>10} {:>10}  exceeded limits",
        "Deanonymizer",
        "enrichers",
        "came",
        "never shown",
        "known missing",
        "calls per IP",
        "most at once",
        "known p99",
        "of healthy",
    );
    let mut healthy = BTreeMap::new();
    let is_wanted = |condition: &Condition| {
        let wanted = flags.fault.as_deref().unwrap_or_default();
        *condition == Condition::Healthy || condition.to_string().contains(wanted)
    };
    for condition in Condition::ALL.into_iter().filter(is_wanted) {
        for enrichers in &flags.faults {
            let site = Pipeline::builder()
                .with(Role::Enricher, *enrichers)
                .stale_after(Duration::from_mins(5))
                .start()
                .await?;
            let outcome = TRIAL.run(&site, condition).await?;
            let p99 = outcome.known_latencies.percentile(99).as_secs_f64();
            // The healthy one is measured first.
            let slower = p99 / *healthy.entry(*enrichers).or_insert(p99);
            println!(
                "{:<20} {enrichers:>9} {:>5} {:>11} {:>13} {:>12.2} {:>13} {:>7.1} ms {slower:>10.2}  {}",
                condition.to_string(),
                outcome.came,
                outcome.never_shown,
                outcome.known_missing,
                outcome.calls_per_ip,
                outcome.max_in_flight,
                p99 * 1e3,
                missed_limits(condition, &outcome, slower),
            );
        }
    }
    Ok(())
}

/// The limits that an outcome exceeds.
fn missed_limits(condition: Condition, outcome: &LookupOutcome, slower: f64) -> String {
    let may_wait = match condition {
        Condition::Hangs(_) => MAX_STILL_WAITING,
        _ => 0,
    };
    let limits = [
        ("never shown", outcome.never_shown <= may_wait),
        ("known missing", outcome.known_missing == 0),
        (
            "calls per IP",
            outcome.calls_per_ip <= condition.most_calls_per_ip() + 0.005,
        ),
        ("known paid again", outcome.calls_for_known == 0),
        ("known p99", slower <= MAX_SLOWDOWN),
    ];
    let missed: Vec<_> = limits
        .iter()
        .filter(|(_, held)| !held)
        .map(|(name, _)| *name)
        .collect();
    if missed.is_empty() {
        "held".to_owned()
    } else {
        format!("MISSED: {}", missed.join(", "))
    }
}

/// How much is handled in the course of an outage.
async fn handled(flags: &Flags) -> Result<()> {
    let measured_at: Vec<_> = flags
        .handled_at
        .iter()
        .copied()
        .map(Duration::from_secs)
        .collect();
    let lasting = measured_at.last().copied().unwrap_or_default();
    let site = Pipeline::builder()
        .with(Role::Enricher, ENRICHERS)
        .stale_after(lasting + Duration::from_mins(2))
        .start()
        .await?;
    let trial = OutageTrial {
        known: KNOWN,
        measured_at,
        window: Duration::from_secs(8),
    };
    println!(
        "\n{:>12} {:>13} {:>11} {:>6}  limit",
        "outage of", "events in /s", "handled /s", "ratio"
    );
    for rate in trial.run(&site).await? {
        println!(
            "{:>10} s {:>13.0} {:>11.0} {:>6.2}  {}",
            rate.after.as_secs(),
            rate.incoming,
            rate.handled,
            rate.ratio(),
            if rate.ratio() <= MAX_HANDLED_RATIO {
                "held"
            } else {
                "MISSED"
            },
        );
    }
    Ok(())
}

/// A line of the table, after every session in the view was right.
async fn calls_of_a_fleet(flags: &Flags, enrichers: usize, kills: bool) -> Result<String> {
    let mut site = Pipeline::builder()
        .with(Role::Enricher, enrichers)
        .stale_after(Duration::from_mins(5))
        .start()
        .await?;
    site.deanonymizer.set_error_rate(ERROR_RATE);
    site.deanonymizer.set_latency(Latency::fixed(LATENCY));
    let crowd = VisitorLoad {
        addresses: flags.addresses,
        events: flags.addresses * 25,
        seconds: flags.seconds,
        kills,
        seed: 1,
    };
    let kills = crowd.run(&mut site).await?;
    site.ready().await?;
    site.queue_is_empty().await?;
    site.view_is_right().await?;
    let stats = site.deanonymizer.stats();
    Ok(format!(
        "{enrichers:>9} {kills:>6} {:>6} {:>6} {:>8} {:>13.3}",
        stats.distinct_ips,
        stats.calls,
        stats.successes,
        stats.calls as f64 / stats.distinct_ips.max(1) as f64
    ))
}

/// The effect on known visitors, new visitors and the Deanonymizer while it refuses connections.
async fn outage(flags: &Flags) -> Result<String> {
    let lasting = Duration::from_secs(flags.outage);
    let site = Pipeline::builder()
        .with(Role::Enricher, ENRICHERS)
        .stale_after(lasting + Duration::from_mins(2))
        .start()
        .await?;
    site.deanonymizer.set_latency(Latency::fixed(LATENCY));
    let known: Vec<_> = (0..KNOWN)
        .map(|number| Visitor::from(&site.ip(Kind::Full, number)))
        .collect();
    site.send(&known.iter().map(|known| known.opened(0)).collect::<Vec<_>>());
    site.view_is_right().await?;
    let viewer = site.viewer().await?;
    let watched = &known[0];
    let healthy = Latencies::measure(&site, &viewer, watched, Duration::from_secs(15));
    let healthy = while_they_come(&site, &known[1..], 0, healthy).await?;

    site.deanonymizer_refuses(true).await?;
    let before = site.lookups_tried().await?;
    let outage = Latencies::measure(&site, &viewer, watched, lasting);
    let outage = while_they_come(&site, &known[1..], 1_000_000, outage).await?;
    let calls = site.lookups_tried().await? - before;
    let stats = site.instance(Role::Gateway, 0)?.http.stats().await?;
    site.deanonymizer_refuses(false).await?;
    let back = Instant::now();
    site.view_is_right().await?;
    let back = back.elapsed();

    let ms = |latencies: &Latencies, percent| latencies.percentile(percent).as_secs_f64() * 1e3;
    Ok(format!(
        "{ENRICHERS} enrichers, outage of {lasting:?}: keep-alives of known visitors took\n\
         before   p50 {:>6.1} ms  p99 {:>6.1} ms\n\
         meantime p50 {:>6.1} ms  p99 {:>6.1} ms\n\
         {calls} calls were tried, {:.1} a second; {} sessions waited, and all were right {:.1} s after its end",
        ms(&healthy, 50),
        ms(&healthy, 99),
        ms(&outage, 50),
        ms(&outage, 99),
        calls as f64 / lasting.as_secs_f64(),
        stats.being_identified,
        back.as_secs_f64(),
    ))
}

/// Runs `work` while known visitors stay active and ten new ones per second arrive, from these addresses on.
async fn while_they_come<T>(
    site: &Pipeline,
    known: &[Visitor],
    first: u32,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        never = come(site, known, first) => match never {},
        done = work => done,
    }
}

async fn come(site: &Pipeline, known: &[Visitor], first: u32) -> Infallible {
    let mut ticks = interval(Duration::from_millis(100));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = known.iter().cycle();
    for number in first.. {
        ticks.tick().await;
        let going_on = known.by_ref().take(KNOWN as usize / 5);
        let mut events: Vec<_> = going_on.map(|known| known.keep_alive(0)).collect();
        events.push(Visitor::from(&site.ip(Kind::CompanyOnly, number)).opened(0));
        site.send(&events);
    }
    std::future::pending().await
}
