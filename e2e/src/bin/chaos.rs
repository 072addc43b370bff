//! Everything is killed, stopped, frozen and cut off at random under load, and nothing may be lost: `make chaos`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use e2e::chaos::{FaultCategory, Pace, Settings, run};
use strum::VariantArray as _;

/// Injects random faults, and once per round compares every gateway and every page with what was sent.
#[derive(Parser)]
struct Flags {
    /// Determines the visitors and the faults; random if not given.
    #[arg(long)]
    seed: Option<u64>,

    /// How many rounds to run, of a minute each.
    #[arg(long, default_value_t = 10)]
    minutes: u64,

    /// The length of a round in seconds; faults that are still active make it longer.
    #[arg(long, default_value_t = 60)]
    round: u64,

    /// Events per second.
    #[arg(long, default_value_t = 2_000)]
    rate: u32,

    /// Use a cluster of three NATS servers instead of one.
    #[arg(long)]
    cluster: bool,

    /// Seconds between the starts of two faults.
    #[arg(long, default_value_t = 5)]
    every: u64,

    /// Only faults of these categories, comma-separated.
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    only: Vec<FaultCategory>,
}

fn kind(text: &str) -> Result<FaultCategory, String> {
    let categories: Vec<&str> = FaultCategory::VARIANTS.iter().map(Into::into).collect();
    text.parse()
        .map_err(|_| format!("the categories of faults are {}", categories.join(", ")))
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let seed = flags.seed.unwrap_or_else(|| rand::random_range(0..1_000_000));
    println!(
        "seed {seed}, {} events/s, a fault every {} s",
        flags.rate, flags.every
    );
    let settings = Settings {
        seed,
        rounds: flags.minutes,
        rate: flags.rate,
        cluster: flags.cluster,
        pace: Pace {
            every: Duration::from_secs(flags.every.max(1)),
            round: Duration::from_secs(flags.round),
        },
        categories: if flags.only.is_empty() {
            FaultCategory::VARIANTS.to_vec()
        } else {
            flags.only
        },
    };
    match run(settings).await {
        Ok(report) => {
            println!("\n{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("FAILED with seed {seed}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
