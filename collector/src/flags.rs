//! The collector's command line.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use axum::http::HeaderName;
use clap::{Parser, Subcommand};
use ipnet::IpNet;
use protocol::time::millis;
use service::check_config::Plan;
use service::flags::{Command, LogFormat, duration};
use service::proxies::{self, Proxies};
use service::standalone::StandaloneCommandLine;
use url::Url;

use crate::http::script::TrackerSettings;
use crate::http::sites::{self, Sites};
use crate::visits::{Settings, Silence};

/// What the collector does instead of running.
#[derive(Clone, Debug, Subcommand)]
pub enum CollectorCommand {
    #[command(flatten)]
    Process(Command),

    /// Check that a page of your website reports its visitors: the script tag, the content security policy, --sites, and
    /// what the running collector has seen. Exit code 0 if nothing is missing, 1 otherwise.
    Check {
        /// The address of the page, such as <https://shop.example/>.
        url: Url,

        /// Certificates of additional trusted authorities, besides the system's, in a PEM file: for a website whose
        /// certificate is from an authority of your own.
        #[arg(long, env, value_name = "FILE")]
        ca_file: Option<PathBuf>,
    },
}

/// Reports the visitors of your own website, as a `SessionsEmitter`.
#[derive(Clone, Debug, Parser)]
#[command(name = "collector", version, subcommand_negates_reqs = true)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Option<CollectorCommand>,

    /// Where to serve the tracker and its beacons for visitors' browsers.
    #[arg(long, env, default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,

    /// Where to serve the WebSocket for ingestors. Anyone who can reach it can read all visits: keep it private.
    #[arg(long, env, default_value = "127.0.0.1:8081")]
    pub emitter_listen: SocketAddr,

    /// Where to serve health and metrics.
    #[arg(long, env, global = true, default_value = "127.0.0.1:9103")]
    pub http_listen: SocketAddr,

    /// The websites whose pages may send, comma-separated, such as <https://shop.example>.
    #[arg(long, env, value_delimiter = ',', value_parser = sites::parse, required_unless_present = "demo")]
    pub sites: Vec<String>,

    /// The proxies that may name the visitor's address, as networks, comma-separated; without them it is the connection's.
    #[arg(long, env, value_delimiter = ',', value_parser = proxies::network)]
    pub trusted_proxies: Vec<IpNet>,

    /// The header in which trusted proxies name the visitor's address.
    #[arg(long, env, default_value = "X-Forwarded-For")]
    pub client_ip_header: HeaderName,

    /// How long after its last page was left a session closes.
    #[arg(long, env, default_value = "10s", value_parser = duration)]
    pub leave_grace: Duration,

    /// How long a page must be visible before its visitor is reported.
    #[arg(long, env, default_value = "2s", value_parser = duration)]
    pub settle: Duration,

    /// How often a visible page sends a beacon.
    #[arg(long, env, default_value = "15s", value_parser = duration)]
    pub heartbeat: Duration,

    /// How long a closed session is remembered, so that late beacons do not open it again.
    #[arg(long, env, default_value = "10m", value_parser = duration)]
    pub remember_closings: Duration,

    /// Networks whose visitors are not reported, comma-separated: your own staff.
    #[arg(long, env, value_delimiter = ',', value_parser = proxies::network)]
    pub ignore: Vec<IpNet>,

    /// Whether browsers that send Global Privacy Control are left out.
    #[arg(long, env, default_value_t = true, action = clap::ArgAction::Set)]
    pub respect_gpc: bool,

    /// Maximum beacons per second from one address, with bursts of ten times as many; an IPv6 /64 counts as one.
    #[arg(long, env, default_value = "50")]
    pub beacon_rate: NonZeroU32,

    /// Maximum sessions that open per minute, because each may cost a lookup; others wait.
    #[arg(long, env, default_value = "600")]
    pub new_sessions_per_minute: NonZeroU32,

    /// Maximum sessions at once.
    #[arg(long, env, default_value = "100000")]
    pub max_sessions: NonZeroUsize,

    /// Maximum sessions at once from one address; an IPv6 /64 counts as one.
    #[arg(long, env, default_value = "256")]
    pub max_sessions_per_address: NonZeroUsize,

    /// Maximum connections from visitors at once.
    #[arg(long, env, default_value_t = 16_384)]
    pub max_connections: usize,

    /// Maximum connections at once from one address. Raise it behind a proxy, because all connections come from there.
    #[arg(long, env, default_value_t = 1_024)]
    pub max_connections_per_address: usize,

    /// Maximum clients of the emitter at once.
    #[arg(long, env, default_value_t = 16)]
    pub max_emitter_clients: usize,

    /// Serve a demonstration shop at /demo.
    #[arg(long, env)]
    pub demo: bool,

    /// The path of the tracker.
    #[arg(long, env, global = true, default_value = "/v.js", value_parser = path)]
    pub script_path: String,

    /// The path that beacons are sent to.
    #[arg(long, env, default_value = "/v", value_parser = path)]
    pub beacon_path: String,

    /// The built tracker.
    #[arg(long, env, default_value = "collector/tracker/dist/v.js")]
    pub tracker: PathBuf,

    /// How to write log lines.
    #[arg(long, env, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl Flags {
    /// Checks combinations of flags, which clap cannot.
    ///
    /// # Errors
    /// Fails with the name of the flag that cannot be used.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.script_path != self.beacon_path,
            "--beacon-path must differ from --script-path"
        );
        let taken = |path: &str| self.demo && (path == "/demo" || path.starts_with("/demo/"));
        ensure!(
            !taken(&self.script_path),
            "--script-path: /demo is reserved for the demonstration shop"
        );
        ensure!(
            !taken(&self.beacon_path),
            "--beacon-path: /demo is reserved for the demonstration shop"
        );
        Ok(())
    }

    /// The rules of sessions.
    pub fn settings(&self) -> Settings {
        let heartbeat = millis(self.heartbeat);
        Settings {
            settle: millis(self.settle),
            leave_grace: millis(self.leave_grace),
            silence: Silence::of(heartbeat),
            refresh: heartbeat * 2,
            remember_closings: millis(self.remember_closings),
            new_sessions_per_minute: self.new_sessions_per_minute,
            max_sessions: self.max_sessions.get(),
            max_sessions_per_address: self.max_sessions_per_address.get(),
        }
    }

    /// The settings of the tracker.
    pub fn tracker_settings(&self) -> TrackerSettings<'_> {
        TrackerSettings {
            script_path: &self.script_path,
            beacon_path: &self.beacon_path,
            heartbeat: self.heartbeat,
            leave_grace: self.leave_grace,
            respect_gpc: self.respect_gpc,
        }
    }

    /// The websites that may send.
    pub fn sites(&self) -> Sites {
        Sites {
            origins: self.sites.clone(),
            own: self.demo,
        }
    }

    /// The trusted proxies.
    pub fn proxies(&self) -> Proxies {
        Proxies {
            trusted: self.trusted_proxies.clone(),
            header: self.client_ip_header.clone(),
        }
    }
}

impl StandaloneCommandLine for Flags {
    fn command(&self) -> Option<Command> {
        match self.command {
            Some(CollectorCommand::Process(command)) => Some(command),
            Some(CollectorCommand::Check { .. }) | None => None,
        }
    }

    fn log_format(&self) -> LogFormat {
        self.log_format
    }

    fn http_listen(&self) -> SocketAddr {
        self.http_listen
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        // Other commands do not require it.
        ensure!(self.demo || !self.sites.is_empty(), "--sites is missing");
        self.check()?;
        let sites = if self.sites.is_empty() {
            "the demonstration shop".to_owned()
        } else {
            self.sites.join(", ")
        };
        let exposed = !self.emitter_listen.ip().is_loopback();
        Ok(Plan {
            does: vec![
                format!("accepts beacons from the pages of {sites} on {}", self.listen),
                format!(
                    "reports visitors to the ingestors that connect to {}",
                    self.emitter_listen
                ),
                format!("serves health and metrics on {}", self.http_listen),
            ],
            notes: exposed
                .then(|| {
                    "anyone who can reach --emitter-listen can read all visits: keep it private".to_owned()
                })
                .into_iter()
                .collect(),
            problems: (!self.tracker.is_file())
                .then(|| {
                    format!(
                        "--tracker {} does not exist, so pages get no script",
                        self.tracker.display()
                    )
                })
                .into_iter()
                .collect(),
            ..Plan::default()
        })
    }
}

/// Reads a path that needs no escaping in a URL, a route or a script.
fn path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| matches!(byte, b'/' | b'.' | b'-' | b'_') || byte.is_ascii_alphanumeric();
    let named = text.starts_with('/') && text.len() > 1 && !text.contains("//");
    if named && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("must be a path such as /v, made of letters, digits and /.-_".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_fit_together() {
        <Flags as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn sites_are_required_without_the_demonstration() {
        assert!(Flags::try_parse_from(["collector"]).is_err());
        assert!(Flags::try_parse_from(["collector", "--demo"]).is_ok());
        assert!(Flags::try_parse_from(["collector", "--sites", "https://shop.example"]).is_ok());
        assert!(Flags::try_parse_from(["collector", "--sites", "*"]).is_err());
    }

    #[test]
    fn check_takes_its_flags_on_either_side() {
        let url = "https://shop.example/";
        for arguments in [
            [
                "collector",
                "check",
                url,
                "--http-listen",
                "127.0.0.1:7",
                "--script-path",
                "/s.js",
            ],
            [
                "collector",
                "--http-listen",
                "127.0.0.1:7",
                "--script-path",
                "/s.js",
                "check",
                url,
            ],
        ] {
            let flags = Flags::try_parse_from(arguments).unwrap();
            assert_eq!(flags.http_listen.port(), 7);
            assert_eq!(flags.script_path, "/s.js");
        }
    }

    #[test]
    fn paths_must_differ_and_mean_themselves() {
        let check = |flag: &str, value: &str| {
            let flags = Flags::try_parse_from(["collector", "--demo", flag, value]);
            flags.is_ok_and(|flags| flags.check().is_ok())
        };
        assert!(check("--beacon-path", "/shop/seen"));
        for path in ["/v.js", "/demo", "/demo/x", "v", "/", "/{v}", "/a//b", "/v?x"] {
            assert!(!check("--beacon-path", path), "{path}");
        }
    }
}
