//! Measures the whole pipeline and writes `docs/performance.md`: `make bench`.

mod buckets;
mod collector;
mod costs;
mod fanout;
mod floors;
mod hops;
mod latency;
mod machine;
mod number;
mod part;
mod plot;
mod probes;
mod reader;
mod report;
mod sessions;
mod site;
mod throughput;
mod watch;
mod watchers;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand, ValueEnum as _};
use e2e::processes::repository;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::part::Part;
use crate::report::Section;

/// How many visitors one collector is measured with.
const MOST_VISITORS: usize = 100_000;

/// Measures the throughput, latency, cost and limits of the pipeline.
#[derive(Parser)]
struct Flags {
    /// The parts to measure, comma-separated; default all. Single parts are printed and not written.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,

    /// How long a rate must be sustained, in seconds; other measurements take a fraction of that.
    #[arg(long, default_value_t = 30)]
    seconds: u64,

    /// Maximum number of live sessions.
    #[arg(long, default_value_t = 1_000_000)]
    sessions: usize,

    /// Maximum number of WebSocket clients.
    #[arg(long, default_value_t = 10_000)]
    clients: usize,

    /// The folder for the document and its plots; default `docs`.
    #[arg(long)]
    output: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

/// The roles of this program when it starts itself as a child process.
#[derive(Subcommand)]
enum Command {
    /// WebSocket clients of a gateway, controlled by standard input
    #[command(hide = true)]
    Watch(watch::Flags),
    /// A bare client of the emitter
    #[command(hide = true)]
    Read(reader::Flags),
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let done = match &flags.command {
        Some(Command::Watch(watching)) => watch::watch(watching).await,
        Some(Command::Read(reading)) => reader::read(reading).await,
        None => bench(&flags).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(flags: &Flags) -> Result<()> {
    allow_many_connections()?;
    let began = Instant::now();
    let lasting = Duration::from_secs(flags.seconds.max(1));
    let parts = if flags.only.is_empty() {
        Part::value_variants()
    } else {
        &flags.only
    };
    let mut sections = Vec::new();
    // The rate for latency if the maximum rate is not measured in this run.
    let mut most = 100_000.0;
    for part in parts {
        eprintln!("{part:?}, {:.0} s after the start", began.elapsed().as_secs_f64());
        let section = match part {
            Part::Floors => floors::measure(lasting / 10).await,
            Part::Throughput => throughput::measure(lasting).await.map(|throughput| {
                most = throughput.most_of_a_real_mix.unwrap_or(most);
                throughput.section
            }),
            Part::Latency => latency::measure(most, lasting / 4).await,
            Part::Sessions => sessions::measure(flags.sessions, lasting / 6).await,
            Part::Fanout => fanout::measure(flags.clients, lasting / 6).await,
            Part::Collector => collector::measure(flags.sessions.min(MOST_VISITORS), lasting).await,
        };
        // The results of the other parts are kept, because they took minutes.
        sections.push(section.unwrap_or_else(|error| Section::failed(part.title(), &error)));
    }
    let document = report::document(&sections, &machine::describe()?, began.elapsed());
    match &flags.output {
        Some(folder) => write(folder, &document, &sections)?,
        None if flags.only.is_empty() => write(&repository().join("docs"), &document, &sections)?,
        None => println!("{document}"),
    }
    let failures: Vec<_> = sections.iter().filter_map(Section::failure).collect();
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    Ok(())
}

fn write(folder: &std::path::Path, document: &str, sections: &[Section]) -> Result<()> {
    let plots = folder.join(report::PLOTS);
    fs::create_dir_all(&plots).with_context(|| format!("cannot make {}", plots.display()))?;
    for plot in sections.iter().flat_map(|section| &section.plots) {
        fs::write(plots.join(format!("{}.svg", plot.name)), plot.svg()?)?;
    }
    let file = folder.join("performance.md");
    fs::write(&file, document).with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}", file.display());
    Ok(())
}

/// Ten thousand clients need as many open files here, and in the processes that inherit our limits.
fn allow_many_connections() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let most = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, most).context("cannot raise the limit of open files")
}
