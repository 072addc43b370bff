//! A real nats-server with the repository's configuration, permissions included.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use async_nats::{Client, ConnectOptions};

use crate::binaries::{nats_server, repository};
use crate::certificates::Certificates;
use crate::eventually::eventually;
use crate::ports;
use crate::process::Process;

/// The server.
#[derive(Debug)]
pub struct NatsServer {
    /// Its process.
    pub process: Process,
    port: u16,
    monitoring: u16,
    certificates: Option<Certificates>,
}

impl NatsServer {
    /// A server of its own ports, which keeps what it must in `folder`; it is not started yet. With certificates it
    /// speaks TLS only, and only to those who have one of the same authority.
    ///
    /// # Errors
    /// Where there is no nats-server, or no folder for it.
    pub fn new(folder: &Path, certificates: Option<Certificates>) -> Result<Self> {
        let (port, monitoring) = (ports::free()?, ports::free()?);
        let store = folder.join("nats-store");
        fs::create_dir_all(&store)?;
        let configuration = repository().join("nats.conf");
        let arguments = [
            "-c",
            &configuration.to_string_lossy(),
            "-a",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-m",
            &monitoring.to_string(),
            "-sd",
            &store.to_string_lossy(),
        ];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        if let Some(made) = &certificates {
            let files = [
                ("--tlscert", made.certificate()),
                ("--tlskey", made.key()),
                ("--tlscacert", made.authority()),
            ];
            for (flag, file) in files {
                arguments.extend([flag.to_owned(), file.to_string_lossy().into_owned()]);
            }
            arguments.extend(["--tls", "--tlsverify"].map(str::to_owned));
        }
        Ok(Self {
            process: Process::new("nats-server", nats_server()?, arguments, folder),
            port,
            monitoring,
            certificates,
        })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where the monitoring is.
    #[must_use]
    pub fn monitoring_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitoring)
    }

    /// Waits until clients can connect.
    ///
    /// # Errors
    /// Where they cannot in time.
    pub async fn ready(&mut self) -> Result<()> {
        eventually("nats-server can be connected to", async || {
            self.process.running()?;
            self.client("operator").await.map(drop)
        })
        .await
    }

    /// A client that is one of the users of the configuration.
    ///
    /// # Errors
    /// Where the server does not let it in.
    pub async fn client(&self, user: &str) -> Result<Client> {
        let options = ConnectOptions::with_user_and_password(user.into(), user.into());
        self.connect(user, options).await
    }

    /// A client that is one of the users and tells what the server refuses it.
    ///
    /// # Errors
    /// As [`NatsServer::client`].
    pub async fn client_with_events(
        &self,
        user: &str,
        tell: impl Fn(async_nats::Event) + Send + Sync + 'static,
    ) -> Result<Client> {
        let options =
            ConnectOptions::with_user_and_password(user.into(), user.into()).event_callback(move |event| {
                tell(event);
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
        options
            .custom_inbox_prefix(inbox)
            .connect(self.url())
            .await
            .with_context(|| format!("cannot connect as {user}"))
    }
}
