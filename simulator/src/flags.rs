//! The command line. Every flag can also be given as an environment variable of the same name in capitals.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};
use simulator::{
    deanonymizer::{Latency, Persona},
    fault::Faults,
};
use strum::VariantArray as _;

/// Stands in for the two third parties.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) party: Party,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Party {
    /// Plays the SessionsEmitter: a WebSocket server that tells of the visitors of a busy site
    Emitter(EmitterFlags),
    /// Plays the Deanonymizer: an HTTP server that says who is behind an IP
    Deanonymizer(DeanonymizerFlags),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Exits with 0 if somebody listens on --listen, otherwise with 1
    Healthcheck,
}

#[derive(Debug, Args)]
pub(crate) struct EmitterFlags {
    /// Where to listen
    #[arg(long, env, global = true, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Plays the same as any other time with this seed, GUIDs included; without it, the same site but another day.
    /// Goes with the Deanonymizer of the same seed, or without a seed
    #[arg(long, env)]
    pub(crate) seed: Option<u64>,
    /// New visitors per second
    #[arg(long, env, default_value_t = 1.0)]
    pub(crate) rate: f64,
    /// How many visitors are there at once, on average
    #[arg(long, env, default_value_t = 150)]
    pub(crate) sessions: u32,
    /// What goes wrong: names with commas between them, or all, default, none
    #[arg(long, env, default_value = "default")]
    pub(crate) faults: Faults,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Args)]
pub(crate) struct DeanonymizerFlags {
    /// Where to listen
    #[arg(long, env, global = true, default_value = "127.0.0.1:4830")]
    pub(crate) listen: SocketAddr,
    /// What the answers are made from; goes with the emitter of the same seed, or without a seed
    #[arg(long, env, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How long a call takes: 50ms, or any time in a range: 20ms..2s
    #[arg(long, env, default_value = "50ms")]
    pub(crate) latency: Latency,
    /// The share of calls answered with 500
    #[arg(long, env, default_value = "0.1", value_parser = share)]
    pub(crate) error_rate: f64,
    /// The share of calls never answered
    #[arg(long, env, default_value = "0", value_parser = share)]
    pub(crate) hang_rate: f64,
    /// The share of calls answered with garbage
    #[arg(long, env, default_value = "0", value_parser = share)]
    pub(crate) garbage_rate: f64,
    /// Plays an identification service: snitcher, people-data-labs, 6sense, albacross or ipinfo
    #[arg(long = "as", env = "AS", value_name = "PROVIDER", value_parser = persona)]
    pub(crate) persona: Option<Persona>,
    /// The key that questions to the played service must carry; without it, any key will do
    #[arg(long, env = "SIMULATOR_KEY", hide_env_values = true, requires = "persona")]
    pub(crate) key: Option<String>,
    /// How many questions the played service answers before its quota is used up
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
