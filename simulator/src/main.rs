//! The two third parties, for a laptop: `simulator emitter` and `simulator deanonymizer`.

mod flags;

use std::{future::Future, io::IsTerminal, net::SocketAddr, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use simulator::{
    deanonymizer::{Deanonymizer, DeanonymizerConfig},
    emitter::{Emitter, EmitterConfig, Lively},
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use flags::{Cli, DeanonymizerFlags, EmitterFlags, Party};

/// Exit code for a command line that cannot be used (`EX_USAGE`).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return refuse(&error.to_string()),
        Err(help) => {
            print!("{help}");
            return ExitCode::SUCCESS;
        }
    };
    match cli.party {
        Party::Emitter(flags) if flags.command.is_some() => run(healthcheck(flags.listen)),
        Party::Deanonymizer(flags) if flags.command.is_some() => run(healthcheck(flags.listen)),
        Party::Emitter(flags) => match Lively::new(flags.rate, flags.sessions, flags.faults.clone()) {
            Ok(lively) => run(emitter(flags, lively)),
            Err(error) => refuse(&format!("error: --rate and --sessions do not fit: {error}")),
        },
        Party::Deanonymizer(flags) => run(deanonymizer(flags)),
    }
}

/// Exits with the first line of the error in the command line, without hints.
fn refuse(error: &str) -> ExitCode {
    eprintln!("{}", error.lines().next().unwrap_or_default());
    ExitCode::from(USAGE)
}

fn run(party: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let ended = tokio::runtime::Runtime::new()
        .context("cannot start")
        .and_then(|runtime| runtime.block_on(party));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn emitter(flags: EmitterFlags, lively: Lively) -> anyhow::Result<()> {
    let listen = flags.listen;
    let config = EmitterConfig {
        listen,
        seed: flags.seed.unwrap_or_default(),
        // Without a seed, a restart must not bring back sessions that have been closed.
        course: flags.seed.unwrap_or_else(rand::random),
        lively: Some(lively),
        ..EmitterConfig::default()
    };
    let mut signals = Signals::install()?;
    let emitter = Emitter::start(config).with_context(|| format!("cannot listen on {listen}"))?;
    tracing::info!(addr = %emitter.addr(), "emitter is listening");
    signals.wait().await;
    emitter.stop().await;
    Ok(())
}

async fn deanonymizer(flags: DeanonymizerFlags) -> anyhow::Result<()> {
    let listen = flags.listen;
    let config = DeanonymizerConfig {
        listen,
        seed: flags.seed,
        latency: flags.latency,
        error_rate: flags.error_rate,
        hang_rate: flags.hang_rate,
        garbage_rate: flags.garbage_rate,
        hostile_names: flags.hostile_names,
        persona: flags.persona,
    };
    let mut signals = Signals::install()?;
    let deanonymizer = Deanonymizer::start(config).with_context(|| format!("cannot listen on {listen}"))?;
    deanonymizer.set_key(flags.key.as_deref());
    deanonymizer.set_quota(flags.quota);
    tracing::info!(addr = %deanonymizer.addr(), "deanonymizer is listening");
    signals.wait().await;
    deanonymizer.stop().await;
    Ok(())
}

/// Whether another process listens on the address.
async fn healthcheck(mut listen: SocketAddr) -> anyhow::Result<()> {
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let connect = tokio::net::TcpStream::connect(listen);
    let connected = tokio::time::timeout(std::time::Duration::from_secs(2), connect).await;
    connected
        .context("no answer in time")?
        .with_context(|| format!("cannot connect to {listen}"))?;
    Ok(())
}

/// The signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> anyhow::Result<Self> {
        let install = |kind| signal(kind).context("cannot handle signals");
        Ok(Self {
            terminate: install(SignalKind::terminate())?,
            interrupt: install(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
