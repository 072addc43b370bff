//! Runs a process from its command line to its exit.

pub mod check_config;
pub mod file_version;
pub mod flags;
mod healthcheck;
pub mod instance;
mod manual;
pub mod secret;
mod shutdown;
pub mod standalone;
pub mod urls;
pub mod version;

use std::net::SocketAddr;
use std::process::{ExitCode, Termination};

use axum::Router;
use protocol::status::Figures;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::check_config::Plan;
use self::flags::{Command, Common, bad_configuration};
use crate::client::certificate::{self, ClientCertificate};
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

    /// The flags that all processes have.
    fn common(&self) -> &Common;

    /// The subcommand, if any.
    fn command(&self) -> Option<Command>;

    /// The address to listen on.
    fn listen(&self) -> SocketAddr;

    /// The address that serves health without TLS.
    ///
    /// # Errors
    /// Fails if there is none; the error names the flag that helps.
    fn health(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listen())
    }

    /// How it serves connections.
    ///
    /// # Errors
    /// Fails if certificate and key cannot be used; the error names the flag.
    fn server(&self, metrics: &Metrics) -> anyhow::Result<Server> {
        Ok(Server::for_health(metrics))
    }

    /// The certificates that the process shows to servers, beside that of `--nats-cert`.
    fn client_certificates(&self) -> Vec<ClientCertificate> {
        Vec::new()
    }

    /// Checks what clap cannot: combinations of flags.
    ///
    /// # Errors
    /// Fails with the name of the flag that cannot be used.
    fn check(&self) -> anyhow::Result<()> {
        Ok(())
    }

    /// What the process would do with these flags, for `check-config`.
    ///
    /// # Errors
    /// Fails with the name of the flag that cannot be used.
    fn plan(&self) -> anyhow::Result<Plan> {
        Ok(Plan {
            does: vec![format!("listens on {}", self.listen())],
            ..Plan::default()
        })
    }
}

/// Reads the command line and runs `process` on this thread until it exits.
///
/// An error means that the configuration cannot be used. A process retries after all other errors.
pub fn main<F: CommandLine, T: Termination, P: Future<Output = anyhow::Result<T>>>(
    process: impl FnOnce(F) -> P,
) -> ExitCode {
    let flags = match flags::parse::<F>() {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    match flags.command() {
        Some(Command::Healthcheck) => {
            return match flags.health() {
                Ok(address) => healthcheck::run(address),
                Err(error) => bad_configuration(&format!("error: {error:#}")),
            };
        }
        Some(Command::Completions { shell }) => return manual::print_completions::<F>(shell),
        Some(Command::Man) => return manual::print_manual::<F>(),
        Some(Command::CheckConfig) => {
            let plan = || flags.check().and_then(|()| flags.plan());
            return check::<F>(plan, Some(flags.common()));
        }
        None => {}
    }
    logs::start(flags.common().log_format);
    choose_cryptography();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let traced = flags.check().and_then(|()| {
        trace::start(
            <F as clap::CommandFactory>::command().get_name(),
            &flags.common().traces,
        )
    });
    // The guard is held to the end, so that the last spans are exported.
    exit_code(traced.and_then(|_guard| runtime.block_on(process(flags))))
}

/// The plan is made as the process would make it: with cryptography chosen, on a runtime.
fn check<F: clap::Parser>(plan: impl FnOnce() -> anyhow::Result<Plan>, common: Option<&Common>) -> ExitCode {
    choose_cryptography();
    match runtime() {
        Ok(runtime) => runtime.block_on(async { check_config::run::<F>(plan(), common).await }),
        Err(code) => code,
    }
}

/// rustls supports several providers and needs one to be chosen.
fn choose_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A runtime on this thread.
fn runtime() -> Result<Runtime, ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| bad_configuration(&format!("error: no runtime: {error}")))
}

/// The exit code for this result; an error is one in the configuration.
fn exit_code<T: Termination>(ended: anyhow::Result<T>) -> ExitCode {
    match ended {
        Ok(ended) => ended.report(),
        Err(error) => bad_configuration(&format!("error: {error:#}")),
    }
}

/// The parts of every process.
pub struct Process {
    /// Its name, in subjects, metrics and as NATS user.
    pub name: &'static str,
    /// Its instance name.
    pub instance: String,
    /// Cancelled when the process must stop.
    pub shutdown: CancellationToken,
    /// The tasks that must end before the process exits.
    pub tasks: TaskTracker,
    /// Whether it is ready.
    pub health: Health,
    /// Its metrics.
    pub metrics: Metrics,
    /// Its connection to NATS, which may not be established yet.
    pub nats: Nats,
    /// Creates missing streams.
    pub streams: Streams,
    /// Publishes messages that cannot be used.
    pub rejected: Rejected,
    listener: TcpListener,
    server: Server,
}

impl Process {
    /// Listens and starts to connect. The process is ready once NATS and `parts` are.
    ///
    /// # Errors
    /// Fails if a flag cannot be used.
    pub async fn start<F: CommandLine>(
        name: &'static str,
        flags: &F,
        parts: &[&str],
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
        let mut certificates = flags.client_certificates();
        certificates.push(ClientCertificate {
            flag: "--nats-cert",
            file: flags.common().nats_cert.clone(),
            is_reread: true,
        });
        let expiry = certificate::report_expiry(certificates, metrics.clone());
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(expiry));
        Ok(Self {
            name,
            streams: Streams::new(nats.clone(), flags.common()),
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

    /// Reports the status of the process. `figures` is called each time.
    pub fn reporter(&self, figures: impl Fn() -> Figures + Send + Sync + 'static) -> Reporter {
        Reporter::new(self.name, &self.instance, self.health.clone(), figures)
    }

    /// Health and metrics.
    pub fn routes(&self) -> Router {
        health_routes::routes(self.health.clone(), self.metrics.clone())
    }

    /// Also serves health and metrics on another address.
    ///
    /// # Errors
    /// Fails if the address cannot be used; the error names `flag`.
    pub async fn serve_health(&self, flag: &str, address: SocketAddr) -> anyhow::Result<()> {
        let listener = health_routes::listen(flag, address).await?;
        let server = self.server.additional_for_health();
        self.tasks
            .spawn(server.serve(listener, self.routes(), self.routes(), self.shutdown.clone()));
        Ok(())
    }

    /// Serves `routes` and reports until shutdown, and then waits for the tasks.
    pub async fn run(self, routes: Router, reporter: Reporter) {
        let health = self.routes();
        let served = self
            .server
            .serve(self.listener, routes, health, self.shutdown.clone());
        self.tasks.spawn(served);
        // It has nothing to finish, so it ends with the runtime.
        tokio::spawn(self.streams.keep_rejected(self.health));
        self.tasks.spawn(reporter.run(self.nats, self.shutdown.clone()));
        self.tasks.close();
        shutdown::wait(&self.shutdown, &self.tasks).await;
    }
}
