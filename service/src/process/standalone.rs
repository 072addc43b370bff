//! A process that needs no NATS, from its command line to its end.

use std::net::SocketAddr;
use std::process::{ExitCode, Termination};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::check_config::Plan;
use super::flags::{self, Command, LogFormat};
use super::{healthcheck, manual, shutdown};
use crate::http::{Server, health_routes};
use crate::telemetry::health::Health;
use crate::telemetry::logs;
use crate::telemetry::metrics::Metrics;

/// The command line of a process that needs no NATS.
pub trait StandaloneCommandLine: clap::Parser {
    /// The command to run instead of the process, if any.
    fn command(&self) -> Option<Command>;

    /// How to write log lines.
    fn log_format(&self) -> LogFormat;

    /// Where health and metrics are served.
    fn http_listen(&self) -> SocketAddr;

    /// What the process would do with these flags, for `check-config`.
    ///
    /// # Errors
    /// Fails with the name of the flag that cannot be used.
    fn plan(&self) -> anyhow::Result<Plan>;
}

/// Reads the command line and runs `process` to its end, on this thread.
///
/// An error of `process` is an error in the configuration, and ends with exit code 64.
pub fn main<F: StandaloneCommandLine, T: Termination, P: Future<Output = anyhow::Result<T>>>(
    process: impl FnOnce(F) -> P,
) -> ExitCode {
    let flags = match flags::parse::<F>() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    match flags.command() {
        Some(Command::Healthcheck) => return healthcheck::run(flags.http_listen()),
        Some(Command::Completions { shell }) => return manual::print_completions::<F>(shell),
        Some(Command::Man) => return manual::print_manual::<F>(),
        Some(Command::CheckConfig) => return super::check::<F>(|| flags.plan(), None),
        None => {}
    }
    logs::start(flags.log_format());
    super::choose_cryptography();
    match super::runtime() {
        Ok(runtime) => super::exit_code(runtime.block_on(process(flags))),
        Err(code) => code,
    }
}

/// The parts that every process has, without those that belong to NATS.
pub struct Standalone {
    /// Cancelled when the process must stop.
    pub shutdown: CancellationToken,
    /// Tasks that must end before the process does.
    pub tasks: TaskTracker,
    /// Whether the process is ready.
    pub health: Health,
    /// The metrics of the process.
    pub metrics: Metrics,
    listener: TcpListener,
}

impl Standalone {
    /// Opens the listener for health and metrics.
    ///
    /// # Errors
    /// Fails if the address or the signals cannot be used.
    pub async fn start<F: StandaloneCommandLine>(name: &str, flags: &F) -> anyhow::Result<Self> {
        let shutdown = shutdown::on_signal()?;
        let listener = health_routes::listen("--http-listen", flags.http_listen()).await?;
        let health = Health::starting(&[]);
        let metrics = Metrics::new(name);
        metrics.collect(health.clone());
        Ok(Self {
            shutdown,
            tasks: TaskTracker::new(),
            health,
            metrics,
            listener,
        })
    }

    /// Serves `routes` on `address` until the shutdown.
    ///
    /// # Errors
    /// Fails if the address cannot be used; the error names `flag`.
    pub async fn serve(
        &self,
        flag: &str,
        address: SocketAddr,
        server: Server,
        routes: Router,
    ) -> anyhow::Result<()> {
        let listener = health_routes::listen(flag, address).await?;
        self.tasks
            .spawn(server.serve(listener, routes, Router::new(), self.shutdown.clone()));
        Ok(())
    }

    /// Serves health and metrics until the shutdown, and then waits for the tasks. `server` is that of
    /// [`Standalone::serve`].
    pub async fn run(self, server: Server) {
        let routes = health_routes::routes(self.health, self.metrics);
        let health = routes.clone();
        self.tasks
            .spawn(server.serve(self.listener, routes, health, self.shutdown.clone()));
        self.tasks.close();
        shutdown::wait(&self.shutdown, &self.tasks).await;
    }
}
