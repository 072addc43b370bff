//! One process alone, without NATS, with variables of its own environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use e2e::clients::Http;
use e2e::eventually;
use e2e::processes::{Process, free_port, workspace_binary};

/// A running process and its HTTP server.
pub struct Standalone {
    pub process: Process,
    pub http: Http,
}

impl Standalone {
    /// Starts a process, and waits until it serves HTTP.
    pub async fn start(name: &str, flags: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let own = [("--http-listen", address.as_str())];
        let has_nats = flags.iter().any(|(flag, _)| *flag == "--nats-url");
        let nats = (!has_nats).then_some(("--nats-url", "nats://127.0.0.1:1"));
        let arguments = own.iter().chain(nats.iter()).chain(flags);
        let arguments = arguments.flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]);
        let folder = logs()?;
        let mut process = Process::new(name, workspace_binary(name)?, arguments.collect(), &folder);
        for (variable, value) in variables {
            process = process.with_variable(variable, value);
        }
        process.start()?;
        let http = Http::new(&format!("http://{address}"))?;
        eventually("the process serves HTTP", async || {
            ensure!(http.get("/healthz").await?.status.is_success());
            Ok(())
        })
        .await?;
        Ok(Self { process, http })
    }

    /// An ingestor of this emitter.
    pub async fn ingestor(url: &str, flags: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Self> {
        let flags = [&[("--emitter-url", url)], flags].concat();
        Self::start("ingestor", &flags, variables).await
    }

    /// Waits until `/readyz` says this.
    pub async fn says(&self, text: &str) -> Result<String> {
        eventually(&format!("/readyz says {text:?}"), async || {
            let reason = self.http.reason().await?;
            ensure!(reason.contains(text), "{reason}");
            Ok(reason)
        })
        .await
    }

    /// Waits until the emitter is connected.
    pub async fn connected(&self) -> Result<()> {
        eventually("the emitter is connected", async || {
            let connected = self.http.metric("visitor_ingestor_emitter_connected").await?;
            ensure!(connected == 1, "{:?}", self.http.reason().await);
            Ok(())
        })
        .await
    }

    /// Waits until it has read this many events.
    pub async fn has_read(&self, events: u64) -> Result<()> {
        eventually(&format!("{events} events are read"), async || {
            let read = self.http.metric("visitor_ingestor_events_received_total").await?;
            ensure!(read == events, "{read}");
            Ok(())
        })
        .await
    }
}

/// A new folder for this test's files.
pub fn folder() -> Result<PathBuf> {
    let folder = path()?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// A folder of its own for the log of one process.
fn logs() -> Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = path()?.join(format!("logs-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn path() -> Result<PathBuf> {
    let thread = std::thread::current();
    let test = thread.name().context("a test has a name")?.replace("::", ".");
    Ok(Path::new(env!("CARGO_TARGET_TMPDIR")).join(test))
}
