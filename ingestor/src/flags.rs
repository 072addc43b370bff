//! The ingestor's command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use service::StreamKind;
use service::check_config::{Plan, Target};
use service::client::certificate::ClientCertificate;
use service::client::tls;
use service::flags::{self, Common, duration};
use service::process::CommandLine;

use crate::emitter::address::EmitterUrl;
use crate::emitter::connect::Access;
use crate::emitter::feed::Settings;
use crate::emitter::headers::HeadersFile;
use crate::outbox::Limits;

/// The subcommands of the ingestor.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Shared(flags::Command),

    /// Send the rejected messages through the pipeline again, and exit.
    Replay,
}

/// Reads the `SessionsEmitter` and publishes its events to NATS.
#[derive(Clone, Debug, Parser)]
#[command(name = "ingestor", version)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub common: Common,

    /// The WebSocket URL of each `SessionsEmitter`, comma-separated.
    #[arg(
        long,
        env,
        value_delimiter = ',',
        hide_env_values = true,
        default_value = "ws://127.0.0.1:8080"
    )]
    pub emitter_url: Vec<EmitterUrl>,

    /// A file with headers for the handshake, one `Name: value` per line. If the emitters have different hosts, a line
    /// `[host]` or `[host:port]` must say whose headers follow. Read again for each connection.
    #[arg(long, env, value_name = "FILE")]
    pub emitter_headers_file: Option<PathBuf>,

    /// The client certificate for emitters that require one, in a PEM file.
    #[arg(long, env, value_name = "FILE", requires = "emitter_key")]
    pub emitter_cert: Option<PathBuf>,

    /// The key of `--emitter-cert`, in a PEM file.
    #[arg(long, env, value_name = "FILE", requires = "emitter_cert")]
    pub emitter_key: Option<PathBuf>,

    /// Address of health and metrics.
    #[arg(long, env, default_value = "127.0.0.1:9101")]
    pub http_listen: SocketAddr,

    /// How often to ping the emitter.
    #[arg(long, env, default_value = "5s", value_parser = duration)]
    pub ping_interval: Duration,

    /// How long the emitter may send nothing, not even a pong, before the connection is closed.
    #[arg(long, env, default_value = "15s", value_parser = duration)]
    pub silence_deadline: Duration,

    /// How many MiB of events to buffer while NATS is unreachable; beyond this, the oldest are dropped.
    #[arg(long, env, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub buffer_mib: u64,

    /// Maximum age of events that are sent again after the raw stream was lost.
    #[arg(long, env, default_value = "60s", value_parser = duration)]
    pub replay_window: Duration,
}

impl Flags {
    /// The settings of the connection to one emitter.
    pub fn feed(&self, url: &EmitterUrl) -> Settings {
        Settings {
            access: self.access(url),
            ping_interval: self.ping_interval,
            silence_deadline: self.silence_deadline,
        }
    }

    /// How to connect to one emitter.
    fn access(&self, url: &EmitterUrl) -> Access {
        Access {
            url: url.clone(),
            headers_file: self.emitter_headers_file.clone().map(|path| HeadersFile {
                path,
                emitters: self.emitter_url.clone(),
            }),
            ca_file: self.common.ca_file.clone(),
            identity: self.identity(),
        }
    }

    /// The certificate that emitters are shown.
    fn identity(&self) -> Option<tls::Identity> {
        let files = self.emitter_cert.clone().zip(self.emitter_key.clone());
        files.map(|(certificate, key)| tls::Identity {
            certificate,
            certificate_flag: "--emitter-cert",
            key,
            key_flag: "--emitter-key",
        })
    }

    /// The limits of the outbox.
    pub fn limits(&self) -> Limits {
        Limits {
            bytes: usize::try_from(self.buffer_mib << 20).unwrap_or(usize::MAX),
            replay_window: protocol::time::millis(self.replay_window),
        }
    }
}

impl CommandLine for Flags {
    const LISTEN_FLAG: &'static str = "--http-listen";

    fn common(&self) -> &Common {
        &self.common
    }

    fn command(&self) -> Option<flags::Command> {
        match self.command {
            Some(Command::Shared(command)) => Some(command),
            Some(Command::Replay) | None => None,
        }
    }

    fn listen(&self) -> SocketAddr {
        self.http_listen
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let reaches = self.emitter_url.iter().map(|emitter| Target {
            name: "the SessionsEmitter".to_owned(),
            url: emitter.url().clone(),
            ca_file: self.common.ca_file.clone(),
            identity: self.identity(),
        });
        Ok(Plan {
            does: vec![
                "reads events and publishes them to VISITOR_RAW".to_owned(),
                format!(
                    "buffers {} MiB of events while NATS is unreachable",
                    self.buffer_mib
                ),
                format!("serves health and metrics on {}", self.http_listen),
            ],
            streams: vec![StreamKind::Raw, StreamKind::Rejected],
            reaches: reaches.collect(),
            ..Plan::default()
        })
    }

    fn client_certificates(&self) -> Vec<ClientCertificate> {
        vec![ClientCertificate {
            flag: "--emitter-cert",
            file: self.emitter_cert.clone(),
            is_reread: true,
        }]
    }

    fn check(&self) -> anyhow::Result<()> {
        self.emitter_url
            .iter()
            .try_for_each(|url| self.access(url).check())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_fit_together() {
        <Flags as clap::CommandFactory>::command().debug_assert();
    }
}
