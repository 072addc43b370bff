//! A real nats-server with the repository's configuration, permissions included.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use async_nats::{Client, ConnectOptions, ServerAddr};

use crate::clients::Http;
use crate::eventually::eventually;
use crate::processes::binaries::{nats_server, repository};
use crate::processes::certificates::Certificates;
use crate::processes::ports;
use crate::processes::process::Process;

/// The servers of a cluster: the smallest number that survives the loss of one.
const CLUSTER_SIZE: usize = 3;

/// The user with full access to the streams, with whose permissions an administrator's mistakes are simulated.
pub const MAINTAINER: &str = "maintainer";

/// The server.
#[derive(Debug)]
pub struct NatsServer {
    /// Its process.
    pub process: Process,
    /// Where clients connect to: itself and, in a cluster, the others.
    ports: Vec<u16>,
    http: Http,
    certificates: Option<Certificates>,
}

impl NatsServer {
    /// A server of its own ports, which keeps what it must in `folder`; it is not started yet. With certificates it speaks
    /// TLS only, and only for clients with a certificate of the same authority.
    ///
    /// # Errors
    /// Fails if there is no nats-server, or no folder for it.
    pub fn new(folder: &Path, certificates: Option<Certificates>) -> Result<Self> {
        let port = ports::free()?;
        let tls = certificates.as_ref().map(tls_arguments).unwrap_or_default();
        let tls: Vec<_> = tls.iter().map(String::as_str).collect();
        let server = Self::with_configuration("nats-server", "nats.conf", vec![port], &tls, folder)?;
        Ok(Self {
            certificates,
            ..server
        })
    }

    /// The servers of a cluster, with the configuration of `deploy/cluster/`; none is started yet. Where
    /// `unadvertised`, no server advertises the others to its clients: clients that connect through a proxy stay behind it.
    ///
    /// # Errors
    /// As [`NatsServer::new`].
    pub fn cluster(folder: &Path, unadvertised: bool) -> Result<Vec<Self>> {
        let more: &[&str] = if unadvertised { &["--no_advertise"] } else { &[] };
        let ports: [_; CLUSTER_SIZE] = free_ports()?;
        let between: [_; CLUSTER_SIZE] = free_ports()?;
        let route = |port: &u16| format!("nats://cluster:cluster@127.0.0.1:{port}");
        let routes = between.each_ref().map(route).join(",");
        let server = |number: usize| {
            let mut clients = ports.to_vec();
            clients.rotate_left(number);
            let own_route = route(&between[number]);
            let cluster = ["-cluster", &own_route, "-routes", &routes];
            let cluster: Vec<_> = cluster.iter().chain(more).copied().collect();
            Self::with_configuration(
                &format!("nats-server-{number}"),
                &format!("deploy/cluster/visitor-{}.conf", number + 1),
                clients,
                &cluster,
                folder,
            )
        };
        (0..CLUSTER_SIZE).map(server).collect()
    }

    /// A server without configuration: every client is anonymous and has all permissions.
    ///
    /// # Errors
    /// As [`NatsServer::new`].
    pub fn bare(folder: &Path) -> Result<Self> {
        Self::with_arguments("nats-server", &["-js"], vec![ports::free()?], folder)
    }

    fn with_configuration(
        name: &str,
        configuration: &str,
        ports: Vec<u16>,
        more: &[&str],
        folder: &Path,
    ) -> Result<Self> {
        let configuration = repository().join(configuration);
        let configuration = configuration.to_string_lossy();
        let arguments: Vec<_> = ["-c", &configuration].iter().chain(more).copied().collect();
        Self::with_arguments(name, &arguments, ports, folder)
    }

    fn with_arguments(name: &str, arguments: &[&str], ports: Vec<u16>, folder: &Path) -> Result<Self> {
        let monitoring = ports::free()?;
        let store = folder.join(format!("{name}-store"));
        fs::create_dir_all(&store)?;
        let own_port = ports.first().context("a server listens")?;
        let own = [
            "-a",
            "127.0.0.1",
            "-p",
            &own_port.to_string(),
            "-m",
            &monitoring.to_string(),
            "-sd",
            &store.to_string_lossy(),
        ];
        let arguments = arguments.iter().chain(&own).map(ToString::to_string).collect();
        Ok(Self {
            process: Process::new(name, nats_server()?, arguments, folder),
            ports,
            http: Http::new(&format!("http://127.0.0.1:{monitoring}"))?,
            certificates: None,
        })
    }

    /// Where clients connect to this server alone.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.ports.first().copied()
    }

    /// Where clients connect to: first this server, then the others of its cluster.
    #[must_use]
    pub fn url(&self) -> String {
        let urls = self.ports.iter().map(|port| format!("nats://127.0.0.1:{port}"));
        urls.collect::<Vec<_>>().join(",")
    }

    /// The URL of its monitoring endpoint.
    #[must_use]
    pub fn monitoring_url(&self) -> String {
        self.http.base().to_owned()
    }

    /// Its monitoring.
    #[must_use]
    pub fn monitoring(&self) -> &Http {
        &self.http
    }

    /// Waits until it is ready: clients can connect and, in a cluster, it has caught up with the other servers.
    ///
    /// # Errors
    /// Fails if it does not in time.
    pub async fn ready(&mut self) -> Result<()> {
        eventually("nats-server can be connected to", async || {
            self.process.running()?;
            let health = self.http.get("/healthz").await?;
            ensure!(health.status.is_success(), "{}", health.text);
            self.client("operator").await.map(drop)
        })
        .await
    }

    /// A client that is one of the users of the configuration.
    ///
    /// # Errors
    /// Fails if the server does not let it in.
    pub async fn client(&self, user: &str) -> Result<Client> {
        let options = ConnectOptions::with_user_and_password(user.into(), user.into());
        self.connect(user, options).await
    }

    /// A client of one of the users that reports what the server refuses.
    ///
    /// # Errors
    /// As [`NatsServer::client`].
    pub async fn client_with_events(
        &self,
        user: &str,
        on_event: impl Fn(async_nats::Event) + Send + Sync + 'static,
    ) -> Result<Client> {
        let options =
            ConnectOptions::with_user_and_password(user.into(), user.into()).event_callback(move |event| {
                on_event(event);
                std::future::ready(())
            });
        self.connect(user, options).await
    }

    async fn connect(&self, user: &str, mut options: ConnectOptions) -> Result<Client> {
        if let Some(made) = &self.certificates {
            options = options
                .add_root_certificates(made.authority())
                .add_client_certificate(made.certificate(), made.key());
        }
        // People keep the plain inbox; each process has its own.
        let inbox = if user == "operator" {
            "_INBOX".to_owned()
        } else {
            format!("_INBOX_{user}")
        };
        let url = self.url();
        let servers: Vec<ServerAddr> = url.split(',').map(str::parse).collect::<Result<_, _>>()?;
        options
            .custom_inbox_prefix(inbox)
            .connect(servers)
            .await
            .with_context(|| format!("cannot connect as {user}"))
    }
}

/// Clients must speak TLS, and have a certificate.
fn tls_arguments(made: &Certificates) -> Vec<String> {
    let files = [
        ("--tlscert", made.certificate()),
        ("--tlskey", made.key()),
        ("--tlscacert", made.authority()),
    ];
    let files = files
        .iter()
        .flat_map(|(flag, file)| [(*flag).to_owned(), file.to_string_lossy().into_owned()]);
    files.chain(["--tls", "--tlsverify"].map(str::to_owned)).collect()
}

fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut free = [0; N];
    for port in &mut free {
        *port = ports::free()?;
    }
    Ok(free)
}
