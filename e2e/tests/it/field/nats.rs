//! A nats-server with a configuration of a test.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use async_nats::jetstream::{self, Context};
use e2e::eventually;
use e2e::processes::{Process, free_port, nats_server};

/// A running nats-server.
pub struct Server {
    pub process: Process,
    pub port: u16,
    configuration: PathBuf,
    domain: Option<&'static str>,
}

impl Server {
    /// Starts a server that keeps its files in this folder.
    pub async fn start(folder: &Path, configuration: &str) -> Result<Self> {
        Self::start_with(folder, None, configuration).await
    }

    /// Starts a server whose JetStream belongs to a domain.
    pub async fn start_in_domain(folder: &Path, domain: &'static str, configuration: &str) -> Result<Self> {
        Self::start_with(folder, Some(domain), configuration).await
    }

    async fn start_with(folder: &Path, domain: Option<&'static str>, configuration: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let port = free_port()?;
        let file = folder.join("nats.conf");
        let mut arguments = vec!["-c".to_owned(), file.to_string_lossy().into_owned()];
        arguments.extend(["-a", "127.0.0.1", "-p"].map(str::to_owned));
        arguments.push(port.to_string());
        let mut server = Self {
            process: Process::new("nats-server", nats_server()?, arguments, folder),
            port,
            configuration: file,
            domain,
        };
        server.configure(configuration)?;
        server.process.start()?;
        eventually("the server listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
            Ok(())
        })
        .await?;
        Ok(server)
    }

    /// Writes a configuration for the next start.
    pub fn configure(&self, configuration: &str) -> Result<()> {
        let store = self.configuration.with_file_name("store");
        let domain = self
            .domain
            .map(|domain| format!(", domain: {domain}"))
            .unwrap_or_default();
        let jetstream = format!(
            "jetstream {{ max_memory_store: 2GB, max_file_store: 2GB, store_dir: {:?}{domain} }}",
            store.to_string_lossy()
        );
        Ok(fs::write(
            &self.configuration,
            format!("{jetstream}\n{configuration}"),
        )?)
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub async fn jetstream(&self) -> Result<Context> {
        Ok(jetstream::new(async_nats::connect(self.url()).await?))
    }
}
