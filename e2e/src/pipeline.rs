//! Everything together: NATS, the third parties and our processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_nats::jetstream::Context;
use protocol::Millis;
use protocol::frame::VisibleSession;
use protocol::stream;
use protocol::time::millis;
use service::clock;
use simulator::deanonymizer::{Deanonymizer, DeanonymizerConfig};
use simulator::emitter::{Emitter, EmitterConfig};
use simulator::event::Event;
use simulator::world::Kind;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::binaries::leftovers;
use crate::certificates::Certificates;
use crate::eventually::{PATIENCE, eventually};
use crate::judge;
use crate::member::{Member, Role};
use crate::nats_server::NatsServer;
use crate::oracle::{Circumstances, HiddenCompanies};
use crate::tap::Tap;
use crate::tcp_proxy::TcpProxy;
use crate::viewer::Viewer;
use crate::visitor::Visitor;

/// How many pipelines run at once, however many tests do.
const AT_ONCE: u32 = 3;
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE as usize);

/// After how much silence a session is stale, where a test does not say: so long that none goes stale while something
/// is waited for, because a view without sessions would then be right.
const STALE_AFTER: Duration = Duration::from_mins(9);

/// How long an event may take from the emitter to the view. What is sent while the view is looked at may be seen or not.
const ON_THE_WAY: Duration = Duration::from_millis(200);

/// How precisely it is known when an event was received, and when a session has gone stale.
const SLACK: Duration = Duration::from_secs(1);

/// How the processes connect to NATS, and ingestors to the emitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NatsAccess {
    Direct,
    ThroughProxies,
}

/// A pipeline to be.
#[derive(Clone, Debug)]
pub struct Builder {
    counts: BTreeMap<Role, usize>,
    flags: BTreeMap<Role, BTreeMap<String, String>>,
    stale_after: Duration,
    emitter: EmitterConfig,
    deanonymizer: DeanonymizerConfig,
    log_filter: String,
    encrypted: bool,
    turns: u32,
    cluster: bool,
    fake_clocks: bool,
    nats_access: NatsAccess,
}

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
    /// The certificates, where everything speaks TLS.
    pub certificates: Option<Certificates>,
    members: BTreeMap<Role, Vec<Member>>,
    nats_clock_offset: i64,
    builder: Builder,
    folder: PathBuf,
    _turn: SemaphorePermit<'static>,
}

impl Default for Builder {
    fn default() -> Self {
        let builder = Self {
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
        builder
            .stale_after(STALE_AFTER)
            .flag(Role::Enricher, "--account-retry", "1s")
    }
}

impl Builder {
    /// So many processes of a kind instead of one.
    #[must_use]
    pub fn with(mut self, role: Role, count: usize) -> Self {
        self.counts.insert(role, count);
        self
    }

    /// A flag for all processes of a kind.
    #[must_use]
    pub fn flag(mut self, role: Role, flag: &str, value: &str) -> Self {
        let flags = self.flags.entry(role).or_default();
        flags.insert(flag.to_owned(), value.to_owned());
        self
    }

    /// After how much silence a session is stale.
    #[must_use]
    pub fn stale_after(mut self, stale_after: Duration) -> Self {
        self.stale_after = stale_after;
        let text = format!("{}ms", stale_after.as_millis());
        self.flag(Role::Enricher, "--stale-after", &text)
            .flag(Role::Gateway, "--stale-after", &text)
    }

    /// How the emitter is to be; it does only what it is told by default.
    #[must_use]
    pub fn emitter(mut self, emitter: EmitterConfig) -> Self {
        self.emitter = emitter;
        self
    }

    /// How the Deanonymizer is to be; it is well by default.
    #[must_use]
    pub fn deanonymizer(mut self, deanonymizer: DeanonymizerConfig) -> Self {
        self.deanonymizer = deanonymizer;
        self
    }

    /// Which log lines the processes write, in the words of `RUST_LOG`.
    #[must_use]
    pub fn log_filter(mut self, log_filter: &str) -> Self {
        log_filter.clone_into(&mut self.log_filter);
        self
    }

    /// NATS and the gateway speak TLS, with certificates made for the occasion.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    /// A cluster of three NATS servers, each of which has a copy of every stream.
    #[must_use]
    pub fn cluster(mut self) -> Self {
        self.cluster = true;
        Role::ALL
            .iter()
            .fold(self, |builder, role| builder.flag(*role, "--nats-replicas", "3"))
    }

    /// Every process of ours has a wall clock of its own, which [`Member::set_clock_offset`] steps.
    #[must_use]
    pub fn fake_clocks(mut self) -> Self {
        self.fake_clocks = true;
        self
    }

    /// Each process connects to NATS through proxies of its own, and ingestors to the emitter, so that
    /// [`Member::cut_from_nats`](crate::Member::cut_from_nats) can drop its packets.
    #[must_use]
    pub fn through_proxies(mut self) -> Self {
        self.nats_access = NatsAccess::ThroughProxies;
        self
    }

    /// No other pipeline of this program runs meanwhile: for a pipeline that is a load to others, or measured.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.turns = AT_ONCE;
        self
    }

    /// Starts everything, and waits until all processes do their job.
    ///
    /// # Errors
    /// Where they do not in time.
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
    /// Where something cannot be started.
    pub async fn launch(self) -> Result<Pipeline> {
        let turn = TURNS.acquire_many(self.turns).await?;
        let folder = log_folder()?;
        let certificates = self.encrypted.then(|| Certificates::make(&folder)).transpose()?;
        let unadvertised = self.nats_access == NatsAccess::ThroughProxies;
        let mut servers = if self.cluster {
            NatsServer::cluster(&folder, unadvertised)?
        } else {
            vec![NatsServer::new(&folder, certificates.clone())?]
        };
        let mut pipeline = Pipeline {
            nats: servers.remove(0),
            nats_peers: servers,
            emitter: Arc::new(Emitter::start(self.emitter.clone())?),
            deanonymizer: Deanonymizer::start(self.deanonymizer)?,
            certificates,
            members: BTreeMap::new(),
            nats_clock_offset: 0,
            builder: self,
            folder,
            _turn: turn,
        };
        for (role, count) in pipeline.builder.counts.clone() {
            for _ in 0..count {
                pipeline.add(role)?;
            }
        }
        Ok(pipeline)
    }
}

impl Pipeline {
    /// One of each process, unless told otherwise.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The plainest pipeline.
    ///
    /// # Errors
    /// Where it does not come to work.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// Waits until NATS and all processes do their job.
    ///
    /// # Errors
    /// Where they do not in time.
    pub async fn ready(&mut self) -> Result<()> {
        for server in self.nats_servers() {
            server.ready().await?;
        }
        for member in self.members.values_mut().flatten() {
            member.ready().await?;
        }
        let flags = self.builder.flags.get(&Role::Ingestor);
        // Another emitter than ours may be read.
        if flags.is_none_or(|flags| !flags.contains_key("--emitter-url")) {
            let ingestors = self.members.get(&Role::Ingestor).map_or(0, Vec::len);
            self.emitter.wait_for_clients(ingestors, PATIENCE).await?;
        }
        Ok(())
    }

    /// Starts one more process, and does not wait for it. Gives which of its kind it is.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn add(&mut self, role: Role) -> Result<usize> {
        self.add_with(role, &[])
    }

    /// The same, with flags that the others of its kind do not have.
    ///
    /// # Errors
    /// As [`Pipeline::add`].
    pub fn add_with(&mut self, role: Role, own_flags: &[(&str, &str)]) -> Result<usize> {
        let number = self.members.get(&role).map_or(0, Vec::len);
        let nats_proxies = self.nats_proxies()?;
        let emitter_proxy = self.emitter_proxy(role)?;
        let mut flags = self.flags(role, &nats_proxies, emitter_proxy.as_ref());
        flags.extend(
            own_flags
                .iter()
                .map(|(flag, value)| ((*flag).to_owned(), (*value).to_owned())),
        );
        let mut member = Member::new(
            role,
            number,
            &flags,
            &self.builder.log_filter,
            &self.folder,
            self.certificates.as_ref(),
        )?;
        if self.builder.fake_clocks {
            member = member.with_fake_clock(&self.folder)?;
        }
        member.nats_proxies = nats_proxies;
        member.emitter_proxy = emitter_proxy;
        member.set_nats_clock_offset(self.nats_clock_offset);
        member.process.start()?;
        self.members.entry(role).or_default().push(member);
        Ok(number)
    }

    /// Makes the NATS server's own clock wrong by so many seconds, as its clients see it. Needs
    /// [`Builder::through_proxies`].
    pub fn set_nats_clock_offset(&mut self, seconds: i64) {
        self.nats_clock_offset = seconds;
        for member in self.members.values().flatten() {
            member.set_nats_clock_offset(seconds);
        }
    }

    /// One process.
    ///
    /// # Errors
    /// Where there is none of that number.
    pub fn member(&self, role: Role, number: usize) -> Result<&Member> {
        let member = self.members.get(&role).and_then(|members| members.get(number));
        member.with_context(|| format!("there is no {} {number}", role.name()))
    }

    /// One process, to do something to it.
    ///
    /// # Errors
    /// As [`Pipeline::member`].
    pub fn member_mut(&mut self, role: Role, number: usize) -> Result<&mut Member> {
        let member = self
            .members
            .get_mut(&role)
            .and_then(|members| members.get_mut(number));
        member.with_context(|| format!("there is no {} {number}", role.name()))
    }

    /// All processes of a kind.
    pub fn members(&self, role: Role) -> impl Iterator<Item = &Member> {
        self.members.get(&role).into_iter().flatten()
    }

    /// All NATS servers.
    pub fn nats_servers(&mut self) -> impl Iterator<Item = &mut NatsServer> {
        std::iter::once(&mut self.nats).chain(&mut self.nats_peers)
    }

    /// The first ingestor.
    ///
    /// # Errors
    /// Where there is none.
    pub fn ingestor(&mut self) -> Result<&mut Member> {
        self.member_mut(Role::Ingestor, 0)
    }

    /// The first enricher.
    ///
    /// # Errors
    /// Where there is none.
    pub fn enricher(&mut self) -> Result<&mut Member> {
        self.member_mut(Role::Enricher, 0)
    }

    /// The first gateway.
    ///
    /// # Errors
    /// Where there is none.
    pub fn gateway(&mut self) -> Result<&mut Member> {
        self.member_mut(Role::Gateway, 0)
    }

    /// The first gateway's sessions, by guid.
    ///
    /// # Errors
    /// Where it does not give them.
    pub async fn sessions(&self) -> Result<BTreeMap<String, VisibleSession>> {
        self.member(Role::Gateway, 0)?.http.sessions().await
    }

    /// Where logs are, and what else a test leaves behind.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A viewer at the first gateway.
    ///
    /// # Errors
    /// Where it is not let in.
    pub async fn viewer(&self) -> Result<Viewer> {
        Viewer::connect(self.member(Role::Gateway, 0)?.http.base()).await
    }

    /// The same, and it keeps every frame as it came.
    ///
    /// # Errors
    /// As [`Pipeline::viewer`].
    pub async fn viewer_recording(&self) -> Result<Viewer> {
        Viewer::recording(self.member(Role::Gateway, 0)?.http.base()).await
    }

    /// Taps a subject as operator.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub async fn tap(&self, subject: &str) -> Result<Tap> {
        Tap::on(&self.nats.client("operator").await?, subject).await
    }

    /// The sum of a metric over all processes of a kind.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn metric(&self, role: Role, name: &str) -> Result<u64> {
        let mut sum = 0;
        for member in self.members(role) {
            sum += member.http.metric(name).await?;
        }
        Ok(sum)
    }

    /// Calls that the enrichers have begun, those that found no connection included.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn lookups_tried(&self) -> Result<u64> {
        let paid = self.metric(Role::Enricher, "visitor_enricher_lookups_paid_total");
        let unreachable = r#"visitor_enricher_lookups_failed_total{kind="unreachable"}"#;
        Ok(paid.await? + self.metric(Role::Enricher, unreachable).await?)
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

    /// Starts or stops the emitter's refusing of connections. In force when it returns.
    ///
    /// # Errors
    /// Where its port cannot be used.
    pub async fn emitter_refuses(&self, refuse: bool) -> Result<()> {
        // A process that is being started elsewhere in this program holds all our sockets until it is.
        eventually("the emitter's port is free", async || {
            Ok(self.emitter.refuse(refuse).await?)
        })
        .await
    }

    /// The same for the Deanonymizer.
    ///
    /// # Errors
    /// As [`Pipeline::emitter_refuses`].
    pub async fn deanonymizer_refuses(&self, refuse: bool) -> Result<()> {
        eventually("the Deanonymizer's port is free", async || {
            Ok(self.deanonymizer.refuse(refuse).await?)
        })
        .await
    }

    /// Waits until the session is shown, and gives it.
    ///
    /// # Errors
    /// Where it is not in time.
    pub async fn shows(&self, visitor: &Visitor) -> Result<VisibleSession> {
        eventually(&format!("{} is shown", visitor.guid), async || {
            let sessions = self.sessions().await?;
            let session = sessions.get(&visitor.guid.to_lowercase()).cloned();
            session.with_context(|| format!("only {:?} are shown", sessions.keys()))
        })
        .await
    }

    /// Waits until the session is not shown, or not any longer.
    ///
    /// # Errors
    /// Where it still is when patience ends.
    pub async fn shows_no(&self, visitor: &Visitor) -> Result<()> {
        eventually(&format!("{} is not shown", visitor.guid), async || {
            let session = self.sessions().await?.remove(&visitor.guid.to_lowercase());
            ensure!(session.is_none(), "it is: {session:?}");
            Ok(())
        })
        .await
    }

    /// Waits until every gateway's view is what the rules of a session ask for, given all events that were sent before this
    /// was called, and those that are sent meanwhile.
    ///
    /// # Errors
    /// Where it is not in time: how it differs.
    pub async fn view_is_right(&self) -> Result<()> {
        // The emitter's clock may be a few ms ahead of this process's.
        let last = self.emitter.sent().last().map(|event| event.sent_at_ms);
        let called_at = clock::now().max(last.unwrap_or_default());
        eventually("the view is right", async || self.judge(called_at).await).await
    }

    /// Waits until all that was sent before has had its effect, by sending a session and watching it through. Do not
    /// use it while lookups fail.
    ///
    /// # Errors
    /// Where the session does not get through in time.
    pub async fn settle(&self) -> Result<()> {
        let last = Visitor::from(&self.ip(Kind::CompanyOnly, 9_999_999));
        self.send(&[last.opened(0)]);
        self.shown_everywhere(&last).await?;
        // Its events may have overtaken others in the queue, but not in the streams behind it.
        self.queue_is_empty().await?;
        let touch = last.keep_alive(0);
        self.send(std::slice::from_ref(&touch));
        eventually("the last keep-alive is seen", async || {
            for gateway in self.members(Role::Gateway) {
                let session = gateway.http.sessions().await?.remove(&last.guid);
                let at = session.map(|session| session.last_activity_at);
                ensure!(at >= touch.timestamp_ms(), "{at:?}");
            }
            Ok(())
        })
        .await?;
        self.send(&[last.closed(0)]);
        eventually("the last session is gone", async || {
            for gateway in self.members(Role::Gateway) {
                ensure!(!gateway.http.sessions().await?.contains_key(&last.guid));
            }
            Ok(())
        })
        .await
    }

    /// Waits until the enrichers have handled all that the ingestors have read.
    ///
    /// # Errors
    /// Where they have not in time.
    pub async fn queue_is_empty(&self) -> Result<()> {
        let operator = self.operator().await?;
        eventually("the queue is empty", async || {
            let (waiting, messages) = self.queued(&operator).await?;
            ensure!(waiting == 0, "{waiting} events are not in it yet");
            ensure!(messages == 0, "{messages} messages");
            Ok(())
        })
        .await
    }

    /// How many events wait in the ingestors for the queue, and how many messages there are in it.
    ///
    /// # Errors
    /// Where one of them does not say.
    pub async fn queued(&self, operator: &Context) -> Result<(u64, u64)> {
        let waiting = self
            .metric(Role::Ingestor, "visitor_ingestor_events_waiting")
            .await?;
        let raw = operator.get_stream(stream::RAW).await?;
        Ok((waiting, raw.cached_info().state.messages))
    }

    /// JetStream, as somebody who looks at it.
    ///
    /// # Errors
    /// Where NATS cannot be reached.
    pub async fn operator(&self) -> Result<Context> {
        Ok(async_nats::jetstream::new(self.nats.client("operator").await?))
    }

    async fn shown_everywhere(&self, visitor: &Visitor) -> Result<()> {
        eventually(&format!("{} is shown everywhere", visitor.guid), async || {
            for gateway in self.members(Role::Gateway) {
                ensure!(gateway.http.sessions().await?.contains_key(&visitor.guid));
            }
            Ok(())
        })
        .await
    }

    /// What was sent after `called_at` may still be on its way for a while.
    async fn judge(&self, called_at: Millis) -> Result<()> {
        for gateway in self.members(Role::Gateway) {
            let asked_at = clock::now();
            let shown = gateway.http.sessions().await?;
            let circumstances = Circumstances {
                world: self.deanonymizer.world(),
                hidden: &HiddenCompanies::none(),
                late: &[],
                stale_after: self.builder.stale_after,
                slack: SLACK,
                now: clock::now(),
            };
            let sent = self.emitter.sent();
            let arrived_at = called_at.max(asked_at - millis(ON_THE_WAY));
            let wrong = judge::differences(&sent, arrived_at, &shown, circumstances);
            let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
            let name = gateway.process.name();
            ensure!(wrong.is_empty(), "{name}: {}", wrong.join("; "));
        }
        Ok(())
    }

    /// A proxy before each NATS server, for one process; none where the processes connect directly.
    fn nats_proxies(&self) -> Result<Vec<TcpProxy>> {
        if self.builder.nats_access == NatsAccess::Direct {
            return Ok(Vec::new());
        }
        let servers = std::iter::once(&self.nats).chain(&self.nats_peers);
        let ports = servers.filter_map(NatsServer::port);
        ports.map(TcpProxy::start).collect()
    }

    /// A proxy before the emitter, for one ingestor.
    fn emitter_proxy(&self, role: Role) -> Result<Option<TcpProxy>> {
        let port = self.emitter.addr().port();
        let through_proxies = self.builder.nats_access == NatsAccess::ThroughProxies;
        let proxied = through_proxies && role == Role::Ingestor;
        proxied.then(|| TcpProxy::start(port)).transpose()
    }

    /// All flags of a process but where it listens; those that a test gives win.
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
        flags.extend(self.builder.flags.get(&role).cloned().unwrap_or_default());
        flags
    }
}

/// What a process is told of certificates.
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

/// The folder for the logs of one test, empty. A test that fails shows where it is.
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
