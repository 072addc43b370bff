//! One of our processes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::clients::Http;
use crate::eventually::eventually;
use crate::processes::binaries::workspace_binary;
use crate::processes::certificates::Certificates;
use crate::processes::fake_clock::FakeClock;
use crate::processes::ports;
use crate::processes::process::Process;
use crate::processes::tcp_proxy::TcpProxy;

/// The role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads the emitter.
    Ingestor,
    /// Identifies visitors.
    Enricher,
    /// Serves the view.
    Gateway,
    /// Tells people of arrivals. A pipeline has none unless a test asks for it.
    Notifier,
}

impl Role {
    /// The processes that every pipeline has.
    pub const ALL: [Self; 3] = [Self::Ingestor, Self::Enricher, Self::Gateway];

    /// The process's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingestor => "ingestor",
            Self::Enricher => "enricher",
            Self::Gateway => "gateway",
            Self::Notifier => "notifier",
        }
    }

    /// The flag for the address on which the process listens.
    #[must_use]
    pub const fn listen_flag(self) -> &'static str {
        match self {
            Self::Ingestor | Self::Enricher | Self::Notifier => "--http-listen",
            Self::Gateway => "--listen",
        }
    }
}

/// A process with a client for its HTTP server.
#[derive(Debug)]
pub struct Instance {
    /// The process.
    pub process: Process,
    /// A client for its HTTP server, whose address is the same after each restart.
    pub http: Http,
    clock: Option<FakeClock>,
    /// The proxies through which it connects to NATS, one per server; empty if it connects directly.
    pub nats_proxies: Vec<TcpProxy>,
    /// The proxy through which an ingestor connects to the emitter, if any.
    pub emitter_proxy: Option<TcpProxy>,
}

impl Instance {
    /// The `number`th process of its kind; it is not started yet.
    ///
    /// # Errors
    /// Fails if its binary is not built.
    pub fn new(
        role: Role,
        number: usize,
        flags: &BTreeMap<String, String>,
        log_filter: &str,
        folder: &Path,
        certificates: Option<&Certificates>,
    ) -> Result<Self> {
        let address = format!("127.0.0.1:{}", ports::free()?);
        let mut arguments = vec![role.listen_flag().to_owned(), address.clone()];
        for (flag, value) in flags {
            arguments.extend([flag.clone(), value.clone()]);
        }
        let name = format!("{}-{number}", role.name());
        let process = Process::new(&name, workspace_binary(role.name())?, arguments, folder);
        let http = match (role, certificates) {
            (Role::Gateway, Some(made)) => Http::encrypted(&format!("https://{address}"), &made.authority())?,
            _ => Http::new(&format!("http://{address}"))?,
        };
        Ok(Self {
            process: process.with_variable("RUST_LOG", log_filter),
            http,
            clock: None,
            nats_proxies: Vec::new(),
            emitter_proxy: None,
        })
    }

    /// Gives the process a wall clock that can be stepped, from its next start on; see [`Instance::set_clock_offset`].
    ///
    /// # Errors
    /// As [`FakeClock::new`].
    pub fn with_fake_clock(mut self, folder: &Path) -> Result<Self> {
        let clock = FakeClock::new(self.process.name(), folder)?;
        for (name, value) in clock.environment() {
            self.process = self.process.with_variable(name, &value);
        }
        self.clock = Some(clock);
        Ok(self)
    }

    /// Shifts the process's wall clock by this number of seconds, now and after restarts.
    ///
    /// # Errors
    /// Fails if the process uses the machine's clock: see [`Builder::fake_clocks`](crate::processes::Builder::fake_clocks).
    pub fn set_clock_offset(&self, seconds: i64) -> Result<()> {
        let clock = self.clock.as_ref();
        clock.context("it uses the machine's clock")?.set_offset(seconds)
    }

    /// Drops everything between the process and NATS, without closing a connection. Needs
    /// [`Builder::through_proxies`](crate::processes::Builder::through_proxies).
    ///
    /// # Errors
    /// Fails if it connects directly.
    pub fn cut_from_nats(&self) -> Result<()> {
        ensure!(!self.nats_proxies.is_empty(), "it connects to NATS directly");
        self.nats_proxies.iter().for_each(TcpProxy::cut);
        Ok(())
    }

    /// Ends [`Instance::cut_from_nats`].
    pub fn restore_nats(&self) {
        self.nats_proxies.iter().for_each(TcpProxy::restore);
    }

    /// As [`Instance::cut_from_nats`], between an ingestor and the emitter.
    ///
    /// # Errors
    /// As [`Instance::cut_from_nats`].
    pub fn cut_from_emitter(&self) -> Result<()> {
        let proxy = self.emitter_proxy.as_ref();
        proxy.context("it connects to the emitter directly")?.cut();
        Ok(())
    }

    /// Ends [`Instance::cut_from_emitter`].
    pub fn restore_emitter(&self) {
        self.emitter_proxy.iter().for_each(TcpProxy::restore);
    }

    /// Shifts the NATS server's clock by this number of seconds, as this process sees it.
    pub fn set_nats_clock_offset(&self, seconds: i64) {
        for proxy in &self.nats_proxies {
            proxy.set_nats_clock_offset(seconds);
        }
    }

    /// Waits until the process is ready.
    ///
    /// # Errors
    /// Fails if it is not ready in time.
    pub async fn ready(&mut self) -> Result<()> {
        let name = self.process.name().to_owned();
        eventually(&format!("{name} is ready"), async || {
            self.process.running()?;
            self.http.ready().await
        })
        .await
    }
}
