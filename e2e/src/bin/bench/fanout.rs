//! The cost of many WebSocket clients, and the effect of a slow one on the others.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::eventually;
use e2e::processes::Role;

use crate::costs::PIPELINE;
use crate::number::{mib, whole};
use crate::part::Part;
use crate::plot::Plot;
use crate::report::{Section, Table};
use crate::site::{Plan, Run, Site};
use crate::watchers::{CLIENTS, Watchers};

/// Changes per second. With a slow client, the rate is higher than its connection can carry, and the step is longer by
/// this factor, so that it falls behind: the gateway keeps more than six seconds of frames for it.
const RATE: f64 = 1_000.0;
const HIGH_RATE: f64 = 20_000.0;
const SLOW_STEP_FACTOR: u32 = 3;

/// The number of other clients when one is slow.
const WATCHING: usize = 100;

/// The number of clients, how many more are slow, and the changes per second.
#[derive(Clone, Copy)]
struct Step {
    clients: usize,
    slow: usize,
    rate: f64,
}

const STEPS: [Step; 6] = [
    step(1, 0, RATE),
    step(WATCHING, 0, RATE),
    step(1_000, 0, RATE),
    step(10_000, 0, RATE),
    step(WATCHING, 0, HIGH_RATE),
    step(WATCHING, 1, HIGH_RATE),
];

const fn step(clients: usize, slow: usize, rate: f64) -> Step {
    Step { clients, slow, rate }
}

/// The result of a step.
struct Served {
    step: Step,
    run: Run,
    lasting: Duration,
    memory: u64,
}

/// Measures an increasing number of clients on one site.
pub async fn measure(most: usize, lasting: Duration) -> Result<Section> {
    let mut site = Site::start(Plan {
        sessions: 1_000,
        ..Plan::default()
    })
    .await?;
    let mut served = Vec::new();
    for step in STEPS.into_iter().filter(|step| step.clients <= most) {
        served.push(serve(&mut site, step, lasting).await?);
    }
    let behind = count(&site, "clients_behind_total").await?;
    let slow = count(&site, "clients_too_slow_total").await?;
    Ok(Section::new(Part::Fanout.title())
        .say(&format!(
            "1,000 sessions. CPU is in cores: 1.00 is one core all the time. The \
             clients' share is the benchmark's own. The row with a slow client shows the figures of {WATCHING} other clients, \
             while one client reads a frame per second over a slow connection. In total, clients fell behind {behind} \
             times and {slow} were disconnected as too slow. Calls per IP address: {:.3}.",
            site.lookups_per_ip()
        ))
        .table(&table(&served))
        .plot(plot(&served)))
}

/// Runs one step, once the clients of the step before are gone.
async fn serve(site: &mut Site, step: Step, lasting: Duration) -> Result<Served> {
    let base = site.pipeline.instance(Role::Gateway, 0)?.http.base();
    site.watchers = Watchers::connect(base, step.clients, step.slow).await?;
    let clients = (step.clients + step.slow) as u64;
    eventually("those before are gone", async || {
        let connected = count(site, "clients").await?;
        ensure!(connected == clients, "{connected} are connected");
        Ok(())
    })
    .await?;
    let lasting = if step.rate > RATE {
        lasting * SLOW_STEP_FACTOR
    } else {
        lasting
    };
    Ok(Served {
        step,
        run: site.run(step.rate, lasting).await?,
        lasting,
        memory: Site::memory(PIPELINE[3])?,
    })
}

/// A metric of the gateway.
async fn count(site: &Site, name: &str) -> Result<u64> {
    let name = format!("visitor_gateway_{name}");
    site.pipeline.metric(Role::Gateway, &name).await
}

/// The steps at the usual rate.
fn plot(served: &[Served]) -> Plot {
    let growing: Vec<_> = served.iter().filter(|served| served.step.rate == RATE).collect();
    Plot {
        name: "fanout",
        title: "Delivery to many clients",
        x: "clients",
        y: "ms",
        lines: vec![
            ("p50".into(), line(&growing, |run| run.watched.p50)),
            ("p99".into(), line(&growing, |run| run.watched.p99)),
        ],
    }
}

fn line(served: &[&Served], value: fn(&Run) -> f64) -> Vec<(f64, f64)> {
    served
        .iter()
        .map(|served| (served.step.clients as f64, value(&served.run)))
        .collect()
}

fn table(served: &[Served]) -> Table {
    let mut table = Table::new(&[
        "changes/s",
        "clients",
        "slow",
        "frames/s each",
        "p50 ms",
        "p99 ms",
        "frames missed",
        "connections lost",
        "gateway cores",
        "clients' cores",
        "gateway memory",
    ]);
    for Served {
        step,
        run,
        lasting,
        memory,
    } in served
    {
        let watched = run.watched;
        let seconds = lasting.as_secs_f64();
        table.row(&[
            whole(step.rate),
            whole(step.clients as f64),
            step.slow.to_string(),
            format!("{:.1}", watched.frames as f64 / seconds / step.clients as f64),
            format!("{:.1}", watched.p50),
            format!("{:.1}", watched.p99),
            watched.gaps.to_string(),
            watched.lost.to_string(),
            format!("{:.2}", run.usage.of(PIPELINE[3]).cpu_seconds / seconds),
            format!("{:.2}", run.usage.of(CLIENTS).cpu_seconds / seconds),
            mib(*memory),
        ]);
    }
    table
}
