//! The command line. Every flag can also be given as an environment variable of the same name in capitals.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};
use simulator::{
    deanonymizer::{Latency, Persona},
    emitter_fault::Faults,
};
use strum::VariantArray as _;

/// Simulates the two third parties.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) party: Party,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Party {
    /// Simulates the SessionsEmitter: a WebSocket server that reports the visitors of a busy site
    Emitter(EmitterFlags),
    /// Simulates the Deanonymizer: an HTTP server that says who is behind an IP address
    Deanonymizer(DeanonymizerFlags),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Exits with 0 if a process listens on --listen, otherwise with 1
    Healthcheck,
}

#[derive(Debug, Args)]
pub(crate) struct EmitterFlags {
    /// Address to listen on
    #[arg(long, env, global = true, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Makes runs repeatable, GUIDs included. Without a seed, the site is the same but its visitors come at other times.
    /// Use the same seed for the Deanonymizer, or none for both
    #[arg(long, env)]
    pub(crate) seed: Option<u64>,
    /// New visitors per second
    #[arg(long, env, default_value_t = 1.0)]
    pub(crate) rate: f64,
    /// Average number of concurrent visitors
    #[arg(long, env, default_value_t = 150)]
    pub(crate) sessions: u32,
    /// Faults: comma-separated names, or all, default, none
    #[arg(long, env, default_value = "default")]
    pub(crate) faults: Faults,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Args)]
pub(crate) struct DeanonymizerFlags {
    /// Address to listen on
    #[arg(long, env, global = true, default_value = "127.0.0.1:4830")]
    pub(crate) listen: SocketAddr,
    /// Seed of the answers; use the same seed for the emitter, or none for both
    #[arg(long, env, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Duration of a call, such as 50ms, or a range, such as 20ms..2s
    #[arg(long, env, default_value = "50ms")]
    pub(crate) latency: Latency,
    /// Share of calls answered with 500
    #[arg(long, env, default_value = "0.1", value_parser = share)]
    pub(crate) error_rate: f64,
    /// Share of calls never answered
    #[arg(long, env, default_value = "0", value_parser = share)]
    pub(crate) hang_rate: f64,
    /// Share of calls answered with garbage
    #[arg(long, env, default_value = "0", value_parser = share)]
    pub(crate) garbage_rate: f64,
    /// Answers with names and titles that hold markup, quotes and formulas
    #[arg(long, env)]
    pub(crate) hostile_names: bool,
    /// Simulates an identification service: snitcher, people-data-labs, 6sense, albacross or ipinfo
    #[arg(long = "as", env = "AS", value_name = "PROVIDER", value_parser = persona)]
    pub(crate) persona: Option<Persona>,
    /// The key that requests to the simulated service must have; without it, any key is accepted
    #[arg(long, env = "SIMULATOR_KEY", hide_env_values = true, requires = "persona")]
    pub(crate) key: Option<String>,
    /// How many requests the simulated service answers before its quota is used up
    #[arg(long, env, requires = "persona")]
    pub(crate) quota: Option<u64>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

fn persona(text: &str) -> Result<Persona, String> {
    text.parse().map_err(|_| {
        let names: Vec<_> = Persona::VARIANTS.iter().map(Persona::to_string).collect();
        format!("must be one of {}", names.join(", "))
    })
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("not a number from 0 to 1".to_owned()),
    }
}
