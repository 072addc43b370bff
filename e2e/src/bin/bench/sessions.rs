//! The cost of live sessions: memory, CPU time per event, snapshots, and a gateway's restart.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use e2e::clients::connection::remaining;
use e2e::clients::websocket_url;
use e2e::processes::Role;
use e2e::within;
use futures_util::StreamExt as _;
use tokio_tungstenite::connect_async;

use crate::costs::{self, PIPELINE};
use crate::number::{MIB, mib, whole};
use crate::part::Part;
use crate::plot::Plot;
use crate::report::{Section, Table};
use crate::site::{Plan, Run, Site};

/// Events a second while CPU time is measured.
const RATE: f64 = 10_000.0;

/// The fewest live sessions; ten times as many each time.
const FEWEST: usize = 1_000;

/// Above this number of sessions, only their number is compared after the restart, not each of them.
const MOST_COMPARED: usize = 100_000;

/// How long a gateway may take to be back.
const BACK_WITHIN: Duration = Duration::from_mins(5);

/// The result for a number of sessions.
struct Held {
    sessions: usize,
    shown: usize,
    memory: [u64; PIPELINE.len()],
    run: Run,
    snapshot_bytes: usize,
    first_part: Duration,
    snapshot: Duration,
    restart: Duration,
    lookups_per_ip: f64,
    /// How the view was wrong in the end, if it was.
    wrong: Option<String>,
}

/// Measures each number of sessions on a site of its own.
pub async fn measure(most: usize, lasting: Duration) -> Result<Section> {
    let numbers: Vec<_> = std::iter::successors(Some(FEWEST), |number| Some(number * 10))
        .take_while(|number| *number <= most)
        .collect();
    let mut held = Vec::new();
    for sessions in numbers {
        held.push(hold(sessions, lasting).await?);
    }
    let mut section = Section::new(Part::Sessions.title());
    for one in &held {
        if let Some(wrong) = &one.wrong {
            let sessions = whole(one.sessions as f64);
            section = section.fail(&format!("With {sessions} sessions the view was wrong: {wrong}"));
        }
    }
    let by_sessions = held.iter().map(|held| (whole(held.sessions as f64), &held.run));
    Ok(section
        .say("Memory is measured after all sessions were opened, before the events that follow. Bytes per session are \
             those above the row with the fewest sessions. A quarter of the sessions are from data centres: the enrichers \
             know them, the gateway does not. The snapshot is what a new WebSocket client receives, timed from its \
             connection attempt until it is complete. The restart is timed from SIGKILL until the gateway is ready. After \
             it, every session is compared with what was sent; with a million, only their number.")
        .table(&memory_table(&held))
        .say(&format!("CPU time of each process in microseconds per event, at {} events/s:", whole(RATE)))
        .table(&costs::table("sessions", by_sessions))
        .plot(memory_plot(&held)))
}

async fn hold(sessions: usize, lasting: Duration) -> Result<Held> {
    let mut site = Site::start(Plan {
        sessions,
        ..Plan::default()
    })
    .await?;
    let mut memory = [0; PIPELINE.len()];
    for (bytes, process) in memory.iter_mut().zip(PIPELINE) {
        *bytes = Site::memory(process)?;
    }
    let (snapshot_bytes, first_part, snapshot) =
        snapshot(site.pipeline.instance(Role::Gateway, 0)?.http.base()).await?;
    let run = site.run(RATE, lasting).await?;
    site.is_drained().await?;
    let restarted = Instant::now();
    let gateway = site.pipeline.gateway()?;
    gateway.process.restart().await?;
    within(BACK_WITHIN, "the gateway is ready", async || {
        gateway.http.ready().await
    })
    .await?;
    let restart = restarted.elapsed();
    let right = if sessions <= MOST_COMPARED {
        site.is_right().await
    } else {
        site.is_complete().await
    };
    Ok(Held {
        sessions,
        shown: site.shown,
        memory,
        run,
        snapshot_bytes,
        first_part,
        snapshot,
        restart,
        lookups_per_ip: site.lookups_per_ip(),
        wrong: right.err().map(|error| format!("{error:#}")),
    })
}

/// The size of the snapshot that a new client gets, how long it waits for its first part, and for all of it.
async fn snapshot(base: &str) -> Result<(usize, Duration, Duration)> {
    let asked = Instant::now();
    let (mut socket, _) = connect_async(websocket_url(base)).await?;
    let (mut size, mut first) = (0, None);
    loop {
        let part = socket.next().await.context("no snapshot")??.into_text()?;
        size += part.len();
        let first = *first.get_or_insert_with(|| asked.elapsed());
        if remaining(&part)? == 0 {
            return Ok((size, first, asked.elapsed()));
        }
    }
}

fn memory_table(held: &[Held]) -> Table {
    let names = ["sessions"].into_iter().chain(PIPELINE).chain([
        "gateway bytes per session",
        "snapshot",
        "first part ms",
        "snapshot ms",
        "restart ms",
        "calls per IP",
    ]);
    let mut table = Table::new(&names.collect::<Vec<_>>());
    for one in held {
        let mut row = vec![whole(one.sessions as f64)];
        row.extend(one.memory.map(mib));
        row.push(bytes_per_session(one, &held[0]).map_or_else(|| "–".into(), whole));
        row.push(mib(one.snapshot_bytes as u64));
        row.push(whole(one.first_part.as_secs_f64() * 1e3));
        row.push(whole(one.snapshot.as_secs_f64() * 1e3));
        row.push(whole(one.restart.as_secs_f64() * 1e3));
        row.push(format!("{:.3}", one.lookups_per_ip));
        table.row(&row);
    }
    table
}

/// The memory that each shown session beyond the smallest number adds to the gateway.
fn bytes_per_session(one: &Held, fewest: &Held) -> Option<f64> {
    let more = one.shown - fewest.shown;
    let [.., before] = fewest.memory;
    let [.., after] = one.memory;
    (more > 0).then(|| after.saturating_sub(before) as f64 / more as f64)
}

fn memory_plot(held: &[Held]) -> Plot {
    let line = |place: usize| {
        held.iter()
            .map(|held| (held.sessions as f64, held.memory[place] as f64 / MIB))
            .collect()
    };
    let lines = PIPELINE.iter().enumerate();
    Plot {
        name: "memory",
        title: "Memory with live sessions",
        x: "live sessions",
        y: "MiB",
        lines: lines
            .map(|(place, process)| ((*process).to_owned(), line(place)))
            .collect(),
    }
}
