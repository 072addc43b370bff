//! Describes a pipeline and starts it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use simulator::deanonymizer::{Deanonymizer, DeanonymizerConfig};
use simulator::emitter::{Emitter, EmitterConfig};
use tokio::sync::Semaphore;

use super::config::{Config, NatsAccess};
use super::handle::Pipeline;
use crate::processes::binaries::leftovers;
use crate::processes::certificates::Certificates;
use crate::processes::instance::Role;
use crate::processes::nats_server::NatsServer;

/// How many pipelines run at once, however many tests do. Most of them wait most of the time: five use two cores up.
const MAX_PIPELINES: u32 = 5;
static RUNNING: Semaphore = Semaphore::const_new(MAX_PIPELINES as usize);

/// How long a session may be silent before it is stale, unless a test sets it: long enough that none goes stale while a test waits,
/// because a view without sessions would then be right.
const STALE_AFTER: Duration = Duration::from_mins(9);

/// Describes a pipeline before it is started.
#[derive(Clone, Debug)]
pub struct Builder(Config);

impl Default for Builder {
    fn default() -> Self {
        let config = Config {
            counts: Role::ALL.map(|role| (role, 1)).into(),
            flags: BTreeMap::new(),
            stale_after: STALE_AFTER,
            emitter: EmitterConfig {
                record: true,
                ..EmitterConfig::default()
            },
            deanonymizer: DeanonymizerConfig::default(),
            log_filter: "info,async_nats=warn".into(),
            encrypted: false,
            turns: 1,
            cluster: false,
            fake_clocks: false,
            nats_access: NatsAccess::Direct,
        };
        Self(config)
            .stale_after(STALE_AFTER)
            .flag(Role::Enricher, "--account-retry", "1s")
    }
}

impl Builder {
    /// Sets the number of processes of a role. The default is one.
    #[must_use]
    pub fn with(mut self, role: Role, count: usize) -> Self {
        self.0.counts.insert(role, count);
        self
    }

    /// Sets a flag of all processes of a role.
    #[must_use]
    pub fn flag(mut self, role: Role, flag: &str, value: &str) -> Self {
        let flags = self.0.flags.entry(role).or_default();
        flags.insert(flag.to_owned(), value.to_owned());
        self
    }

    /// Sets how long after its last event a session is stale.
    #[must_use]
    pub fn stale_after(mut self, stale_after: Duration) -> Self {
        self.0.stale_after = stale_after;
        let text = format!("{}ms", stale_after.as_millis());
        self.flag(Role::Enricher, "--stale-after", &text)
            .flag(Role::Gateway, "--stale-after", &text)
    }

    /// Configures the emitter. By default it sends only what a test sends.
    #[must_use]
    pub fn emitter(mut self, emitter: EmitterConfig) -> Self {
        self.0.emitter = emitter;
        self
    }

    /// Configures the Deanonymizer. By default it has no faults.
    #[must_use]
    pub fn deanonymizer(mut self, deanonymizer: DeanonymizerConfig) -> Self {
        self.0.deanonymizer = deanonymizer;
        self
    }

    /// Sets which log lines the processes write, in the syntax of `RUST_LOG`.
    #[must_use]
    pub fn log_filter(mut self, log_filter: &str) -> Self {
        log_filter.clone_into(&mut self.0.log_filter);
        self
    }

    /// NATS and the gateway use TLS, with new certificates.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.0.encrypted = true;
        self
    }

    /// A cluster of three NATS servers. Each has a copy of every stream.
    #[must_use]
    pub fn cluster(mut self) -> Self {
        self.0.cluster = true;
        Role::ALL
            .iter()
            .fold(self, |builder, role| builder.flag(*role, "--nats-replicas", "3"))
    }

    /// Each of our processes has its own wall clock, which [`Instance::set_clock_offset`] steps.
    #[must_use]
    pub fn fake_clocks(mut self) -> Self {
        self.0.fake_clocks = true;
        self
    }

    /// Each process connects to NATS through its own proxies, and ingestors to the emitter, so that
    /// [`Instance::cut_from_nats`](crate::processes::Instance::cut_from_nats) can drop its packets.
    #[must_use]
    pub fn through_proxies(mut self) -> Self {
        self.0.nats_access = NatsAccess::ThroughProxies;
        self
    }

    /// No other pipeline of this program runs meanwhile: for load tests and measurements.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.0.turns = MAX_PIPELINES;
        self
    }

    /// At most two other pipelines of this program run meanwhile: for a pipeline of many processes under a small load.
    #[must_use]
    pub fn large(mut self) -> Self {
        self.0.turns = MAX_PIPELINES - 2;
        self
    }

    /// Starts everything, and waits until all processes are ready.
    ///
    /// # Errors
    /// Fails if a process is not ready in time.
    pub async fn start(self) -> Result<Pipeline> {
        let mut pipeline = self.launch().await?;
        for server in pipeline.nats_servers() {
            server.process.start()?;
        }
        pipeline.ready().await?;
        Ok(pipeline)
    }

    /// Starts everything but NATS, and waits for nothing.
    ///
    /// # Errors
    /// Fails if something cannot be started.
    pub async fn launch(self) -> Result<Pipeline> {
        let turn = RUNNING.acquire_many(self.0.turns).await?;
        let folder = log_folder()?;
        let certificates = self
            .0
            .encrypted
            .then(|| Certificates::make(&folder))
            .transpose()?;
        let unadvertised = self.0.nats_access == NatsAccess::ThroughProxies;
        let mut servers = if self.0.cluster {
            NatsServer::cluster(&folder, unadvertised)?
        } else {
            vec![NatsServer::new(&folder, certificates.clone())?]
        };
        let mut pipeline = Pipeline {
            nats: servers.remove(0),
            nats_peers: servers,
            emitter: Arc::new(Emitter::start(self.0.emitter.clone())?),
            deanonymizer: Deanonymizer::start(self.0.deanonymizer)?,
            certificates,
            instances: BTreeMap::new(),
            nats_clock_offset: 0,
            config: self.0,
            folder,
            _turn: turn,
        };
        for (role, count) in pipeline.config.counts.clone() {
            for _ in 0..count {
                pipeline.add(role)?;
            }
        }
        Ok(pipeline)
    }
}

impl Pipeline {
    /// One of each process by default.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts a pipeline with the defaults.
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }
}

/// The empty folder for the logs of one test. A failing test prints its path.
fn log_folder() -> Result<PathBuf> {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("pipeline").replace("::", ".");
    let folder = leftovers()?.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    println!("the processes' logs are in {}", folder.display());
    Ok(folder)
}
