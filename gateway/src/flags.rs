//! The gateway's command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use service::flags::{Command, Common, duration};
use service::process::CommandLine;

/// Holds the view of active sessions and serves it: API, WebSocket and page.
#[derive(Clone, Debug, Parser)]
#[command(name = "gateway", version)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub common: Common,

    /// Where to serve the page, API, WebSocket, health and metrics.
    #[arg(long, env, default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Where to serve health and metrics as well, if not only there.
    #[arg(long, env)]
    pub http_listen: Option<SocketAddr>,

    /// After how much silence a session no longer counts as active.
    #[arg(long, env, default_value = "60s", value_parser = duration)]
    pub stale_after: Duration,

    /// The least time between two frames to the clients.
    #[arg(long, env, default_value = "50ms", value_parser = duration)]
    pub frame_interval: Duration,

    /// The folder of the built page.
    #[arg(long, env, default_value = "frontend/dist")]
    pub assets: PathBuf,

    /// Without this token nobody sees page, API or WebSocket; without this flag everybody does.
    #[arg(long, env, hide_env_values = true)]
    pub access_token: Option<String>,
}

impl CommandLine for Flags {
    const LISTEN_FLAG: &'static str = "--listen";

    fn common(&self) -> &Common {
        &self.common
    }

    fn command(&self) -> Option<Command> {
        self.command
    }

    fn listen(&self) -> SocketAddr {
        self.listen
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
