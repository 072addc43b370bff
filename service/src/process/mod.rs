//! A process from its command line to its end, as far as all of them do the same.

pub mod flags;
mod healthcheck;
pub mod instance;
pub mod secret;
mod shutdown;
pub mod urls;

use std::net::SocketAddr;
use std::process::{ExitCode, Termination};

use axum::Router;
use protocol::status::Figures;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::flags::{Command, Common, bad_configuration};
use crate::http::Server;
use crate::http::health_routes;
use crate::nats::Nats;
use crate::nats::rejected::Rejected;
use crate::nats::status::Reporter;
use crate::streams::Streams;
use crate::telemetry::health::Health;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{logs, trace};
use crate::{clock, nats};

/// The command line of a process.
pub trait CommandLine: clap::Parser {
    /// The flag that says where the process listens.
    const LISTEN_FLAG: &'static str;

    /// What all processes are told.
    fn common(&self) -> &Common;

    /// What it is asked to do instead of its job, if anything.
    fn command(&self) -> Option<Command>;

    /// Where it listens.
    fn listen(&self) -> SocketAddr;

    /// Where its health is asked for, without TLS.
    ///
    /// # Errors
    /// Where it cannot be; the error names the flag that would help.
    fn health(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listen())
    }

    /// How it serves those who connect.
    ///
    /// # Errors
    /// Where certificate and key cannot be used; the error names the flag.
    fn server(&self, metrics: &Metrics) -> anyhow::Result<Server> {
        Ok(Server::for_health(metrics))
    }

    /// Checks what clap cannot: how flags go together.
    ///
    /// # Errors
    /// Naming the flag that cannot be used.
    fn check(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Reads the command line and runs `process` to its end, on this thread.
///
/// An error of it is one of the configuration: whatever else goes wrong, a process waits for and repairs.
pub fn main<F: CommandLine, T: Termination, P: Future<Output = anyhow::Result<T>>>(
    process: impl FnOnce(F) -> P,
) -> ExitCode {
    let flags = match flags::parse::<F>() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    if let Some(Command::Healthcheck) = flags.command() {
        return match flags.health() {
            Ok(address) => healthcheck::run(address),
            Err(error) => bad_configuration(&format!("error: {error:#}")),
        };
    }
    logs::start(flags.common().log_format);
    // Nothing here needs more than one way of encrypting; the crates that bring several want to be told which.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return bad_configuration(&format!("error: no runtime: {error}")),
    };
    let traced = flags.check().and_then(|()| {
        trace::start(
            <F as clap::CommandFactory>::command().get_name(),
            &flags.common().traces,
        )
    });
    // Held to the end, so that the last spans are told as well.
    match traced.and_then(|_telling| runtime.block_on(process(flags))) {
        Ok(ended) => ended.report(),
        Err(error) => bad_configuration(&format!("error: {error:#}")),
    }
}

/// What every process has.
pub struct Process {
    /// Its name, in subjects, metrics and as NATS user.
    pub name: &'static str,
    /// Which one of its kind it is.
    pub instance: String,
    /// Cancelled when it is to stop.
    pub shutdown: CancellationToken,
    /// What must end before it does.
    pub tasks: TaskTracker,
    /// Whether it does its job.
    pub health: Health,
    /// What it counts.
    pub metrics: Metrics,
    /// Its connection to NATS, which may not stand yet.
    pub nats: Nats,
    /// The streams, to be made where they are missing.
    pub streams: Streams,
    /// Where what it cannot use goes.
    pub rejected: Rejected,
    listener: TcpListener,
    server: Server,
}

impl Process {
    /// Listens, and begins to connect. It is ready once NATS and `parts` work.
    ///
    /// # Errors
    /// Where something that it was told cannot be used.
    pub async fn start<F: CommandLine>(
        name: &'static str,
        flags: &F,
        parts: &[&'static str],
    ) -> anyhow::Result<Self> {
        let shutdown = shutdown::on_signal()?;
        let listener = health_routes::listen(F::LISTEN_FLAG, flags.listen()).await?;
        let instance = instance::name();
        let health = Health::starting(&[&[nats::PART], parts].concat());
        let metrics = Metrics::new(name);
        metrics.collect(health.clone());
        let server = flags.server(&metrics)?;
        let nats = Nats::connect(name, &instance, flags.common(), &health, &metrics).await?;
        let tasks = TaskTracker::new();
        let clock = clock::follow(nats.clone(), clock::Report::new(&metrics));
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(clock));
        Ok(Self {
            name,
            streams: Streams::new(nats.clone(), flags.common().nats_replicas, flags.common().limits),
            rejected: Rejected::new(name, &metrics, nats.clone()),
            tasks,
            instance,
            shutdown,
            health,
            metrics,
            nats,
            listener,
            server,
        })
    }

    /// Tells how the process is; `figures` is asked each time.
    pub fn reporter(&self, figures: impl Fn() -> Figures + Send + Sync + 'static) -> Reporter {
        Reporter::new(self.name, &self.instance, self.health.clone(), figures)
    }

    /// Health and metrics.
    pub fn routes(&self) -> Router {
        health_routes::routes(self.health.clone(), self.metrics.clone())
    }

    /// Serves health and metrics at another address as well.
    ///
    /// # Errors
    /// Where it cannot be listened on; the error names `flag`.
    pub async fn serve_health(&self, flag: &str, address: SocketAddr) -> anyhow::Result<()> {
        let listener = health_routes::listen(flag, address).await?;
        let server = self.server.for_health_beside();
        self.tasks
            .spawn(server.serve(listener, self.routes(), self.routes(), self.shutdown.clone()));
        Ok(())
    }

    /// Serves `routes` and reports until the shutdown, and then waits for the tasks.
    pub async fn run(self, routes: Router, reporter: Reporter) {
        let health = self.routes();
        let served = self
            .server
            .serve(self.listener, routes, health, self.shutdown.clone());
        self.tasks.spawn(served);
        // It holds nothing that must be finished, so it ends with the runtime.
        tokio::spawn(self.streams.keep_rejected(self.health));
        self.tasks.spawn(reporter.run(self.nats, self.shutdown.clone()));
        self.tasks.close();
        shutdown::wait(&self.shutdown, &self.tasks).await;
    }
}
