//! What many WebSocket clients cost, and what a slow one costs the others.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::{Role, eventually};

use crate::Part;
use crate::costs::PIPELINE;
use crate::plot::Plot;
use crate::report::{Section, Table, mib, whole};
use crate::site::{Plan, Run, Site};
use crate::watchers::{CLIENTS, Watchers};

/// Changes a second.
const RATE: f64 = 1_000.0;

/// How many clients are slow, where one is.
const SLOW: usize = 1;

/// How many watch beside the slow one, and how much longer, so that it falls behind.
const BESIDE: usize = 100;
const LONGER: u32 = 3;

/// What so many clients came to.
struct Served {
    clients: usize,
    slow: usize,
    run: Run,
    lasting: Duration,
    memory: u64,
}

/// More and more clients on one site.
pub async fn measure(most: usize, lasting: Duration) -> Result<Section> {
    let mut site = Site::start(Plan {
        sessions: 1_000,
        ..Plan::default()
    })
    .await?;
    // The slow one comes beside as many as were measured just before, so that only it is new.
    let steps = [(1, 0), (BESIDE, 0), (BESIDE, SLOW), (1_000, 0), (10_000, 0)];
    let mut served = Vec::new();
    for (clients, slow) in steps.into_iter().filter(|(clients, _)| *clients <= most) {
        let base = site.pipeline.member(Role::Gateway, 0)?.http.base();
        site.watchers = Watchers::connect(base, clients, slow).await?;
        eventually("those before are gone", async || {
            let connected = site
                .pipeline
                .metric(Role::Gateway, "visitor_gateway_clients")
                .await?;
            ensure!(connected == (clients + slow) as u64, "{connected} are connected");
            Ok(())
        })
        .await?;
        let lasting = if slow > 0 { lasting * LONGER } else { lasting };
        served.push(Served {
            clients,
            slow,
            run: site.run(RATE, lasting).await?,
            lasting,
            memory: Site::memory(PIPELINE[3])?,
        });
    }
    let behind = site
        .pipeline
        .metric(Role::Gateway, "visitor_gateway_clients_behind_total")
        .await?;
    let slow = site
        .pipeline
        .metric(Role::Gateway, "visitor_gateway_clients_too_slow_total")
        .await?;
    let without_slow: Vec<_> = served.iter().filter(|served| served.slow == 0).collect();
    Ok(Section::new(Part::Fanout.title())
        .say(&format!(
            "{} changes/s, 1,000 sessions, a frame at most every 50 ms. CPU is in cores: 1.00 is one core all the \
             time, of which the clients' share is the bench's own. In the row with a slow client, {BESIDE} others \
             watch beside one that reads a frame a second; the figures are theirs. In all, clients fell behind {behind} times \
             and {slow} were disconnected as too slow. Calls per IP: {:.3}.",
            whole(RATE),
            site.lookups_per_ip()
        ))
        .table(&table(&served))
        .plot(Plot {
            name: "fanout",
            title: "Delivery to many clients",
            x: "clients",
            y: "ms",
            lines: vec![
                ("p50".into(), line(&without_slow, |run| run.watched.p50)),
                ("p99".into(), line(&without_slow, |run| run.watched.p99)),
            ],
        }))
}

fn line(served: &[&Served], value: fn(&Run) -> f64) -> Vec<(f64, f64)> {
    served
        .iter()
        .map(|served| (served.clients as f64, value(&served.run)))
        .collect()
}

fn table(served: &[Served]) -> Table {
    let mut table = Table::new(&[
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
        clients,
        slow,
        run,
        lasting,
        memory,
    } in served
    {
        let watched = run.watched;
        let seconds = lasting.as_secs_f64();
        table.row(&[
            whole(*clients as f64),
            slow.to_string(),
            format!("{:.1}", watched.frames as f64 / seconds / *clients as f64),
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
