//! The cost of a remembered closing: opens and closes many sessions, and measures the memory that remains in use.
//!
//! `cargo run --release -p e2e --bin closings -- 100000`

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use e2e::eventually;
use e2e::processes::{Pipeline, Role};
use simulator::world::Kind;

/// Measures the cost of remembered closings.
#[derive(Debug, Parser)]
struct Flags {
    /// Number of sessions to open and close.
    #[arg(default_value_t = 100_000)]
    sessions: u32,
}

/// How many sessions are opened before they are closed.
const AT_ONCE: u32 = 1_000;

/// Few addresses, so that verdicts take little memory.
const ADDRESSES: u32 = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let Flags { sessions } = Flags::parse();
    let site = Pipeline::start().await?;
    // One-time allocations have been made by now.
    pass_through(&site, AT_ONCE * 10).await?;
    let before = measured(&site).await?;
    pass_through(&site, sessions).await?;
    let after = measured(&site).await?;
    println!("{sessions} closings, bytes for each:");
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        println!(
            "{name:>24}  {}",
            after.saturating_sub(*before) / u64::from(sessions)
        );
    }
    Ok(())
}

async fn pass_through(site: &Pipeline, sessions: u32) -> Result<()> {
    for _ in 0..sessions.div_ceil(AT_ONCE) {
        let visitors = site.arrive(Kind::CompanyOnly, (0..AT_ONCE).map(|number| number % ADDRESSES));
        site.send(
            &visitors
                .iter()
                .map(|visitor| visitor.closed(0))
                .collect::<Vec<_>>(),
        );
    }
    site.queue_is_empty().await?;
    eventually("everybody has left", async || {
        ensure!(site.sessions().await?.is_empty());
        Ok(())
    })
    .await
}

/// Bytes in the stream, and resident in each process.
async fn measured(site: &Pipeline) -> Result<Vec<(&'static str, u64)>> {
    let stream = site.operator().await?.get_stream("VISITOR_SESSIONS").await?;
    let state = &stream.cached_info().state;
    let mut measured = vec![
        ("in the stream's account", state.bytes),
        ("nats-server, resident", site.nats.process.memory()?),
    ];
    for (name, role) in [
        ("enricher, resident", Role::Enricher),
        ("gateway, resident", Role::Gateway),
    ] {
        let instance = site.instances(role).next().context("one of each")?;
        measured.push((name, instance.process.memory()?));
    }
    Ok(measured)
}
