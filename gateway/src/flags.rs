//! The gateway's command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use axum::http::HeaderName;
use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use ipnet::IpNet;
use service::check_config::Plan;
use service::flags::{Command, Common, duration};
use service::metrics::Metrics;
use service::process::CommandLine;
use service::proxies::{self, Proxies};
use service::watchlist::file::WatchlistFile;
use service::{Server, StreamKind, open_files, secret, tls};

use crate::currency::Currency;
use crate::http::auth::access::Access;
use crate::http::base_path::BasePath;
use crate::http::origin;
use crate::http::proxy::{Trust, X_FORWARDED_FOR};
use crate::hub::pacing::FrameInterval;

/// Holds the view of active sessions and serves it: API, WebSocket and page.
#[derive(Clone, Debug, Parser)]
#[command(name = "gateway", version)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub common: Common,

    /// Address of the page, API, WebSocket, health and metrics.
    #[arg(long, env, default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Another address that serves health and metrics.
    #[arg(long, env)]
    pub http_listen: Option<SocketAddr>,

    /// How long a session without events counts as active.
    #[arg(long, env, default_value = "60s", value_parser = duration)]
    pub stale_after: Duration,

    /// Minimum time between two frames to clients: a duration, or `auto`, which sends changes at once while frames are
    /// cheap, and waits for up to 50 ms where they are not.
    #[arg(long, env, default_value = "auto")]
    pub frame_interval: FrameInterval,

    /// The folder of the built page.
    #[arg(long, env, default_value = "frontend/dist")]
    pub assets: PathBuf,

    /// The team's watchlist, shown on the page: a domain or company GUID per line, `*.example.com` for everything below a
    /// domain. Read again when it changes. `all`, which the notifier accepts, means no list here.
    #[arg(long, env, value_name = "FILE")]
    pub watchlist: Option<PathBuf>,

    /// The currency of the enrichers' `--price-per-lookup`, as its code by ISO 4217, such as EUR. Without it the page shows
    /// what lookups cost as a mere number.
    #[arg(long, env, value_name = "CODE")]
    pub currency: Option<Currency>,

    /// The path under which a proxy serves the page, such as `/visitors`. The proxy may remove it or leave it.
    #[arg(long, env, default_value = "/")]
    pub base_path: BasePath,

    /// Trusted proxies: their `X-Forwarded-For` names the client, `X-Forwarded-Host` and `X-Forwarded-Proto` what it
    /// requested, and `--user-header` the user. Networks such as 10.0.0.0/8 or addresses, comma-separated.
    #[arg(long, env, value_delimiter = ',', value_parser = proxies::network)]
    pub trusted_proxies: Vec<IpNet>,

    /// The header in which a trusted proxy names the logged-in user. Without it in a request, the access token is
    /// needed.
    #[arg(long, env, requires = "trusted_proxies")]
    pub user_header: Option<HeaderName>,

    /// The token that page, API and WebSocket require. Without this flag they need no token.
    #[arg(long, env, hide_env_values = true, value_parser = NonEmptyStringValueParser::new())]
    pub access_token: Option<String>,

    /// A file with the token, instead of `--access-token`.
    #[arg(long, env, value_name = "FILE")]
    pub access_token_file: Option<PathBuf>,

    /// Other origins whose pages may open the WebSocket, comma-separated, such as <https://portal.example>.
    #[arg(long, env, value_delimiter = ',', value_parser = origin::parse)]
    pub allowed_origin: Vec<url::Origin>,

    /// Maximum number of WebSocket clients.
    #[arg(long, env, default_value_t = 10_000)]
    pub max_clients: usize,

    /// Maximum number of connections, including those of WebSocket clients.
    #[arg(long, env, default_value_t = 16_384)]
    pub max_connections: usize,

    /// Maximum number of connections from one address; an IPv6 /64 counts as one. An office behind one address needs one
    /// for each open page, and a reverse proxy needs one for each open page of all its clients.
    #[arg(long, env, default_value_t = 1_024)]
    pub max_connections_per_address: usize,

    /// Maximum requests per second from one address, with bursts of ten times as many. Behind a proxy that is not in
    /// `--trusted-proxies`, all requests come from its address.
    #[arg(long, env, default_value = "200")]
    pub request_rate: NonZeroU32,

    /// The certificate chain of the gateway, in a PEM file. With it `--listen` serves TLS.
    #[arg(long, env, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The key of `--tls-cert`, in a PEM file.
    #[arg(long, env, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// The value that means every company to the notifier; the two often share one setting.
const ALL: &str = "all";

impl Flags {
    /// The team's watchlist, if there is one.
    ///
    /// # Errors
    /// Fails if the file cannot be used; the error names the flag.
    pub fn watchlist_file(&self) -> anyhow::Result<Option<WatchlistFile>> {
        let file = self.watchlist.clone().filter(|file| file.as_os_str() != ALL);
        file.map(WatchlistFile::open).transpose()
    }

    /// Whether the gateway serves TLS.
    pub fn encrypted(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// The files of the certificate and its key.
    fn tls(&self) -> Option<(&Path, &Path)> {
        self.tls_cert.as_deref().zip(self.tls_key.as_deref())
    }

    /// The trusted proxies.
    pub fn trust(&self) -> Trust {
        let proxies = Proxies {
            trusted: self.trusted_proxies.clone(),
            header: X_FORWARDED_FOR,
        };
        Trust::new(proxies, self.user_header.clone())
    }

    /// The check of the access token.
    ///
    /// # Errors
    /// Fails if the file with the token cannot be used.
    pub fn access(&self) -> anyhow::Result<Access> {
        let file = self.access_token_file.as_deref();
        let token = secret::given(self.access_token.as_ref(), "--access-token-file", file)?;
        Ok(Access::new(token.as_deref()))
    }
}

impl CommandLine for Flags {
    const LISTEN_FLAG: &'static str = "--listen";

    fn common(&self) -> &Common {
        &self.common
    }

    fn command(&self) -> Option<Command> {
        self.command
    }

    fn listen(&self) -> SocketAddr {
        self.listen
    }

    fn health(&self) -> anyhow::Result<SocketAddr> {
        if !self.encrypted() {
            return Ok(self.listen);
        }
        self.http_listen
            .context("the health check cannot use TLS: set --http-listen to an address for it")
    }

    fn server(&self, metrics: &Metrics) -> anyhow::Result<Server> {
        let expiry = metrics.certificate_expiry("--tls-cert");
        let acceptor = self
            .tls()
            .map(|(certificate, key)| tls::acceptor(certificate, key, expiry));
        Ok(Server::new(
            acceptor.transpose()?,
            open_files::room_for(self.max_connections),
            self.max_connections_per_address,
            metrics,
        ))
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        if let Some((certificate, key)) = self.tls() {
            tls::check(certificate, key)?;
        }
        self.access()?;
        let watchlist = self.watchlist_file()?;
        let has_token = self.access_token.is_some() || self.access_token_file.is_some();
        let lock = match (has_token, self.user_header.is_some()) {
            (true, true) => "to users with the access token or a login at a trusted proxy",
            (true, false) => "to users with the access token",
            (false, true) => "to users with a login at a trusted proxy",
            (false, false) => "to everybody who can reach it",
        };
        let scheme = if self.encrypted() { "TLS" } else { "plain HTTP" };
        let is_locked = has_token || self.user_header.is_some();
        let is_safe = is_locked && self.encrypted();
        let exposed = !is_safe && !self.listen.ip().is_loopback();
        let has_page = self.assets.join("index.html").is_file();
        Ok(Plan {
            does: [
                "reads VISITOR_SESSIONS and VISITOR_ACTIVITY and holds the view in memory".to_owned(),
                format!("serves page, API and WebSocket on {} over {scheme}, {lock}", self.listen),
            ]
            .into_iter()
            .chain(watchlist.map(|_| "shows the team's watchlist".to_owned()))
            .collect(),
            notes: exposed
                .then(|| {
                    "others on the network can reach the page: it needs an access token, and TLS here or in a proxy".to_owned()
                })
                .into_iter()
                .collect(),
            problems: (!has_page)
                .then(|| format!("--assets {} has no index.html, so there is no page", self.assets.display()))
                .into_iter()
                .collect(),
            streams: vec![
                StreamKind::Sessions,
                StreamKind::Activity {
                    stale_after: self.stale_after,
                },
                StreamKind::Rejected,
            ],
            ..Plan::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_fit_together() {
        <Flags as clap::CommandFactory>::command().debug_assert();
    }
}
