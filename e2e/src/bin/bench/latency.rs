//! Latency and CPU time per event, from a quiet site to four fifths of the maximum rate.

use std::time::Duration;

use anyhow::Result;

use crate::costs::{self, PIPELINE};
use crate::hops::Hops;
use crate::number::whole;
use crate::part::Part;
use crate::plot::Plot;
use crate::report::{Section, Table};
use crate::site::{Plan, Run, Site};

/// Events per second, in addition to a share of the maximum rate.
const RATES: [f64; 4] = [100.0, 1_000.0, 10_000.0, 50_000.0];
const SHARE: f64 = 0.8;

/// The interval that was the default before it became `auto`.
const FIXED_INTERVAL: &str = "50ms";

/// Measures each rate on the same site, the lowest first.
pub async fn measure(most: f64, lasting: Duration) -> Result<Section> {
    let mut site = Site::start(Plan::default()).await?;
    let mut runs = Vec::new();
    for rate in RATES.into_iter().chain([most * SHARE]) {
        runs.push(site.run(rate, lasting).await?);
        site.is_drained().await?;
    }
    let mut section = Section::new(Part::Latency.title());
    if let Err(error) = site.is_right().await {
        section = section.fail(&format!("The view was wrong at the end: {error:#}"));
    }
    let without_waiting = quiet(lasting).await?;
    let section = section.say(&format!(
        "The first three columns are from the emitter's send to a WebSocket client's receive. The last four are from the \
         receipt of an event to each hop: p50 / p99 in milliseconds, estimated from the processes' histograms as \
         Prometheus does it. Their finest bucket ends at a millisecond. The time of sending is rounded down to the \
         millisecond, so the first three are up to a millisecond too long. The load is the real mix with 10,000 sessions, 2 \
         enrichers and 1 client, {} s per rate; the last rate is 80 % of the maximum. At the end every session is \
         compared with what was sent. Calls per IP address: {:.3}.",
        lasting.as_secs(),
        site.lookups_per_ip()
    ));
    Ok(section
        .table(&latencies(&runs))
        .say(&format!(
            "The first rate again with `--frame-interval {FIXED_INTERVAL}`, so that changes wait for the next frame:"
        ))
        .table(&latencies(&[without_waiting]))
        .say("CPU time of each process in microseconds per event:")
        .table(&costs::table(
            "events/s",
            runs.iter().map(|run| (whole(run.rate), run)),
        ))
        .plot(latency_plot(&runs))
        .plot(cost_plot(&runs)))
}

/// The first rate on a site of its own, where frames come at a fixed interval.
async fn quiet(lasting: Duration) -> Result<Run> {
    let mut site = Site::start(Plan {
        frame_interval: Some(FIXED_INTERVAL),
        ..Plan::default()
    })
    .await?;
    site.run(RATES[0], lasting).await
}

fn latencies(runs: &[Run]) -> Table {
    let names = ["events/s", "probes", "p50 ms", "p99 ms", "p99.9 ms"];
    let mut table = Table::new(&names.into_iter().chain(Hops::names()).collect::<Vec<_>>());
    for run in runs {
        let watched = run.watched;
        let mut row = vec![whole(run.rate), watched.probes.to_string()];
        row.extend([watched.p50, watched.p99, watched.p999].map(|ms| format!("{ms:.1}")));
        let hops = run.hops.quantiles(0.5).into_iter().zip(run.hops.quantiles(0.99));
        row.extend(hops.map(|hop| match hop {
            (Some(p50), Some(p99)) => format!("{p50:.1} / {p99:.1}"),
            _ => "–".into(),
        }));
        table.row(&row);
    }
    table
}

fn latency_plot(runs: &[Run]) -> Plot {
    let line = |value: fn(&Run) -> f64| runs.iter().map(|run| (run.rate, value(run))).collect();
    Plot {
        name: "latency",
        title: "Latency from the emitter to a client",
        x: "events/s",
        y: "ms",
        lines: vec![
            ("p50".into(), line(|run| run.watched.p50)),
            ("p99".into(), line(|run| run.watched.p99)),
            ("p99.9".into(), line(|run| run.watched.p999)),
        ],
    }
}

fn cost_plot(runs: &[Run]) -> Plot {
    let line = |process| {
        runs.iter()
            .map(|run| (run.rate, run.cpu_per_event(process)))
            .collect()
    };
    Plot {
        name: "cost",
        title: "CPU time per event",
        x: "events/s",
        y: "µs",
        lines: PIPELINE.map(|process| (process.to_owned(), line(process))).into(),
    }
}
