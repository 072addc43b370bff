//! A running pipeline: its processes, its clients, and what a test can do to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_nats::jetstream::Context;
use protocol::frame::VisibleSession;
use simulator::deanonymizer::Deanonymizer;
use simulator::emitter::Emitter;
use simulator::event::Event;
use simulator::world::Kind;
use tokio::sync::SemaphorePermit;

use super::config::{Config, NatsAccess};
use crate::clients::{Tap, Viewer};
use crate::eventually::{WAIT_TIMEOUT, eventually};
use crate::processes::certificates::Certificates;
use crate::processes::instance::{Instance, Role};
use crate::processes::nats_server::NatsServer;
use crate::processes::tcp_proxy::TcpProxy;

/// A running pipeline. Everything ends when it is dropped.
pub struct Pipeline {
    /// The NATS server; of a cluster, the first.
    pub nats: NatsServer,
    /// The other servers of a cluster.
    pub nats_peers: Vec<NatsServer>,
    /// The emitter.
    pub emitter: Arc<Emitter>,
    /// The Deanonymizer.
    pub deanonymizer: Deanonymizer,
    /// The certificates, if everything uses TLS.
    pub certificates: Option<Certificates>,
    pub(super) instances: BTreeMap<Role, Vec<Instance>>,
    pub(super) nats_clock_offset: i64,
    pub(super) config: Config,
    pub(super) folder: PathBuf,
    pub(super) _turn: SemaphorePermit<'static>,
}

impl Pipeline {
    /// Waits until NATS and all processes are ready.
    ///
    /// # Errors
    /// Fails if one is not ready in time.
    pub async fn ready(&mut self) -> Result<()> {
        for server in self.nats_servers() {
            server.ready().await?;
        }
        for instance in self.instances.values_mut().flatten() {
            instance.ready().await?;
        }
        let flags = self.config.flags.get(&Role::Ingestor);
        // A test may replace the emitter.
        if flags.is_none_or(|flags| !flags.contains_key("--emitter-url")) {
            let ingestors = self.instances.get(&Role::Ingestor).map_or(0, Vec::len);
            self.emitter.wait_for_clients(ingestors, WAIT_TIMEOUT).await?;
        }
        Ok(())
    }

    /// Starts one more process, without waiting for it. Returns its number among those of its role.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub fn add(&mut self, role: Role) -> Result<usize> {
        self.add_with(role, &[])
    }

    /// As [`Pipeline::add`], with flags that the others of its role do not have.
    ///
    /// # Errors
    /// As [`Pipeline::add`].
    pub fn add_with(&mut self, role: Role, own_flags: &[(&str, &str)]) -> Result<usize> {
        let number = self.instances.get(&role).map_or(0, Vec::len);
        let nats_proxies = self.nats_proxies()?;
        let emitter_proxy = self.emitter_proxy(role)?;
        let mut flags = self.flags(role, &nats_proxies, emitter_proxy.as_ref());
        flags.extend(
            own_flags
                .iter()
                .map(|(flag, value)| ((*flag).to_owned(), (*value).to_owned())),
        );
        let mut instance = Instance::new(
            role,
            number,
            &flags,
            &self.config.log_filter,
            &self.folder,
            self.certificates.as_ref(),
        )?;
        if self.config.fake_clocks {
            instance = instance.with_fake_clock(&self.folder)?;
        }
        instance.nats_proxies = nats_proxies;
        instance.emitter_proxy = emitter_proxy;
        instance.set_nats_clock_offset(self.nats_clock_offset);
        instance.process.start()?;
        self.instances.entry(role).or_default().push(instance);
        Ok(number)
    }

    /// Shifts the NATS server's clock, as its clients see it. Needs
    /// [`Builder::through_proxies`].
    pub fn set_nats_clock_offset(&mut self, seconds: i64) {
        self.nats_clock_offset = seconds;
        for instance in self.instances.values().flatten() {
            instance.set_nats_clock_offset(seconds);
        }
    }

    /// One process.
    ///
    /// # Errors
    /// Fails if there is no process of that number.
    pub fn instance(&self, role: Role, number: usize) -> Result<&Instance> {
        let instance = self
            .instances
            .get(&role)
            .and_then(|instances| instances.get(number));
        instance.with_context(|| format!("there is no {} {number}", role.name()))
    }

    /// One process, mutably.
    ///
    /// # Errors
    /// As [`Pipeline::instance`].
    pub fn instance_mut(&mut self, role: Role, number: usize) -> Result<&mut Instance> {
        let instance = self
            .instances
            .get_mut(&role)
            .and_then(|instances| instances.get_mut(number));
        instance.with_context(|| format!("there is no {} {number}", role.name()))
    }

    /// All processes of a role.
    pub fn instances(&self, role: Role) -> impl Iterator<Item = &Instance> {
        self.instances.get(&role).into_iter().flatten()
    }

    /// All NATS servers.
    pub fn nats_servers(&mut self) -> impl Iterator<Item = &mut NatsServer> {
        std::iter::once(&mut self.nats).chain(&mut self.nats_peers)
    }

    /// The first ingestor.
    ///
    /// # Errors
    /// Fails if there is none.
    pub fn ingestor(&mut self) -> Result<&mut Instance> {
        self.instance_mut(Role::Ingestor, 0)
    }

    /// The first enricher.
    ///
    /// # Errors
    /// Fails if there is none.
    pub fn enricher(&mut self) -> Result<&mut Instance> {
        self.instance_mut(Role::Enricher, 0)
    }

    /// The first gateway.
    ///
    /// # Errors
    /// Fails if there is none.
    pub fn gateway(&mut self) -> Result<&mut Instance> {
        self.instance_mut(Role::Gateway, 0)
    }

    /// The first gateway's sessions, by guid.
    ///
    /// # Errors
    /// Fails if the request fails.
    pub async fn sessions(&self) -> Result<BTreeMap<String, VisibleSession>> {
        self.instance(Role::Gateway, 0)?.http.sessions().await
    }

    /// The folder of logs and other files of the test.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A viewer at the first gateway.
    ///
    /// # Errors
    /// Fails if the gateway refuses the connection.
    pub async fn viewer(&self) -> Result<Viewer> {
        Viewer::connect(self.instance(Role::Gateway, 0)?.http.base()).await
    }

    /// As [`Pipeline::viewer`]. The viewer keeps the text of every frame.
    ///
    /// # Errors
    /// As [`Pipeline::viewer`].
    pub async fn viewer_recording(&self) -> Result<Viewer> {
        Viewer::recording(self.instance(Role::Gateway, 0)?.http.base()).await
    }

    /// Subscribes to a subject as the operator.
    ///
    /// # Errors
    /// Fails if NATS refuses the subscription.
    pub async fn tap(&self, subject: &str) -> Result<Tap> {
        Tap::on(&self.nats.client("operator").await?, subject).await
    }

    /// The n-th address of a kind.
    #[must_use]
    pub fn ip(&self, kind: Kind, n: u32) -> String {
        self.deanonymizer.world().ip(kind, n)
    }

    /// Sends events, in this order.
    pub fn send(&self, events: &[Event]) {
        self.emitter.send_all(events);
    }

    /// Makes the emitter refuse connections, or accept them again. In force when it returns.
    ///
    /// # Errors
    /// Fails if its port cannot be used.
    pub async fn emitter_refuses(&self, refuse: bool) -> Result<()> {
        // A process that is being started elsewhere in this program holds all our sockets until it is.
        eventually("the emitter's port is free", async || {
            Ok(self.emitter.refuse(refuse).await?)
        })
        .await
    }

    /// As [`Pipeline::emitter_refuses`], for the Deanonymizer.
    ///
    /// # Errors
    /// As [`Pipeline::emitter_refuses`].
    pub async fn deanonymizer_refuses(&self, refuse: bool) -> Result<()> {
        eventually("the Deanonymizer's port is free", async || {
            Ok(self.deanonymizer.refuse(refuse).await?)
        })
        .await
    }

    /// JetStream, with the permissions of an operator.
    ///
    /// # Errors
    /// Fails if NATS cannot be reached.
    pub async fn operator(&self) -> Result<Context> {
        Ok(async_nats::jetstream::new(self.nats.client("operator").await?))
    }

    /// A proxy before each NATS server, for one process; none if the processes connect directly.
    fn nats_proxies(&self) -> Result<Vec<TcpProxy>> {
        if self.config.nats_access == NatsAccess::Direct {
            return Ok(Vec::new());
        }
        let servers = std::iter::once(&self.nats).chain(&self.nats_peers);
        let ports = servers.filter_map(NatsServer::port);
        ports.map(TcpProxy::start).collect()
    }

    /// A proxy before the emitter, for one ingestor.
    fn emitter_proxy(&self, role: Role) -> Result<Option<TcpProxy>> {
        let port = self.emitter.addr().port();
        let through_proxies = self.config.nats_access == NatsAccess::ThroughProxies;
        let proxied = through_proxies && role == Role::Ingestor;
        proxied.then(|| TcpProxy::start(port)).transpose()
    }

    /// All flags of a process except its address. Flags of the test take precedence.
    fn flags(
        &self,
        role: Role,
        nats_proxies: &[TcpProxy],
        emitter_proxy: Option<&TcpProxy>,
    ) -> BTreeMap<String, String> {
        let emitter_url = || match emitter_proxy {
            Some(proxy) => format!("ws://127.0.0.1:{}", proxy.port()),
            None => self.emitter.url(),
        };
        let own = match role {
            // Each test sets the receiver of its messages.
            Role::Notifier => ("--cooldown", "1h".to_owned()),
            Role::Ingestor => ("--emitter-url", emitter_url()),
            Role::Enricher => ("--deanonymizer-url", self.deanonymizer.url()),
            Role::Gateway => (
                "--assets",
                self.folder.join("no-page").to_string_lossy().into_owned(),
            ),
        };
        let nats_url = if nats_proxies.is_empty() {
            self.nats.url()
        } else {
            let urls = nats_proxies
                .iter()
                .map(|proxy| format!("nats://127.0.0.1:{}", proxy.port()));
            urls.collect::<Vec<_>>().join(",")
        };
        let ours = [("--nats-url", nats_url), own];
        let mut flags: BTreeMap<String, String> = ours.map(|(flag, value)| (flag.to_owned(), value)).into();
        flags.extend(self.certificates.iter().flat_map(|made| tls_flags(role, made)));
        flags.extend(self.config.flags.get(&role).cloned().unwrap_or_default());
        flags
    }
}

/// The flags for certificates.
fn tls_flags(role: Role, made: &Certificates) -> impl Iterator<Item = (String, String)> + use<> {
    let to_nats = [
        ("--nats-ca", made.authority()),
        ("--nats-cert", made.certificate()),
        ("--nats-key", made.key()),
    ];
    let to_browsers = [("--tls-cert", made.certificate()), ("--tls-key", made.key())];
    to_nats
        .into_iter()
        .chain(to_browsers.into_iter().filter(move |_| role == Role::Gateway))
        .map(|(flag, file)| (flag.to_owned(), file.to_string_lossy().into_owned()))
}
