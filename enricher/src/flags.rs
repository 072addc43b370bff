//! The enricher's command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgAction, Parser, Subcommand};
use protocol::ip;
use reqwest::Url;
use rustls::ClientConfig;
use service::StreamKind;
use service::check_config::{Plan, Target};
use service::client::certificate::ClientCertificate;
use service::client::tls;
use service::flags::{self, Common, duration, http_url};
use service::process::CommandLine;

use crate::filter::hidden_companies::{HiddenCompanies, HiddenCompany};
use crate::lookup::admission::budget::{Budget, InvalidBudget};
use crate::lookup::free_tier::{Files, FreeTier};
use crate::lookup::provider::Provider;
use crate::lookup::provider::deanonymizer::{Deanonymizer, Service};
use crate::lookup::provider::key_file::KeyFile;

/// Commands that replace the service.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Shared(flags::Command),

    /// Ask the provider about one address, which costs one paid call, and print what would be shown and why.
    CheckProvider {
        /// The address.
        #[arg(long, value_parser = plausible_ip)]
        ip: String,
    },
}

/// Identifies visitors by their IP, and publishes what may be shown.
#[derive(Clone, Debug, Parser)]
#[command(name = "enricher", version)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub common: Common,

    /// The Deanonymizer's URL. Every call costs money. `none`: no calls, and visitors are shown with their network and
    /// country only.
    #[arg(long, env, hide_env_values = true, default_value = "http://127.0.0.1:4830/deanonymize", value_parser = deanonymizer_url)]
    pub deanonymizer_url: Maybe<Url>,

    /// A file that describes an identification service to call instead of the Deanonymizer.
    #[arg(long, env, value_name = "FILE")]
    pub deanonymizer_provider: Option<PathBuf>,

    /// The client certificate for a Deanonymizer that requires one, in a PEM file.
    #[arg(long, env, value_name = "FILE", requires = "deanonymizer_key")]
    pub deanonymizer_cert: Option<PathBuf>,

    /// The key of `--deanonymizer-cert`, in a PEM file.
    #[arg(long, env, value_name = "FILE", requires = "deanonymizer_cert")]
    pub deanonymizer_key: Option<PathBuf>,

    /// A file with the API key, read for each call. Without a provider file, the key is sent as `Authorization: Bearer`.
    #[arg(long, env, value_name = "FILE")]
    pub deanonymizer_key_file: Option<PathBuf>,

    /// Do not look up private and other reserved addresses. With a provider file they are never looked up.
    #[arg(long, env, action = ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true")]
    pub skip_reserved: bool,

    /// Networks whose visitors are not looked up: an AS number, an address range or an organisation's name per line.
    #[arg(long, env, value_name = "FILE")]
    pub skip_networks: Option<PathBuf>,

    /// A `MaxMind` database (.mmdb) with the network of an address and its operator.
    #[arg(long, env, value_name = "FILE")]
    pub network_db: Option<PathBuf>,

    /// A `MaxMind` database (.mmdb) with the country of an address.
    #[arg(long, env, value_name = "FILE")]
    pub country_db: Option<PathBuf>,

    /// Companies whose sessions are never shown, in addition to the two data centres: GUIDs or domains,
    /// comma-separated. A domain hides the companies with this domain or a subdomain of it.
    #[arg(long, env, value_delimiter = ',', value_name = "GUID|DOMAIN")]
    pub hide_companies: Vec<HiddenCompany>,

    /// The former name of `--hide-companies`. Both may be given.
    #[arg(long, env, value_delimiter = ',', value_name = "GUID|DOMAIN", hide = true)]
    pub hidden_companies: Vec<HiddenCompany>,

    /// How long a profile is cached.
    #[arg(long, env, default_value = "24h", value_parser = duration)]
    pub profile_ttl: Duration,

    /// How long an IP is cached as unknown to the Deanonymizer.
    #[arg(long, env, default_value = "1h", value_parser = duration)]
    pub unknown_ttl: Duration,

    /// Maximum number of IPs that this process caches. The least used are evicted first.
    #[arg(long, env, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub cache_capacity: u64,

    /// Maximum concurrent calls to the Deanonymizer, across all enrichers; each enricher may always make one.
    #[arg(long, env, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..))]
    pub lookup_concurrency: u16,

    /// The timeout of one call.
    #[arg(long, env, default_value = "5s", value_parser = duration)]
    pub lookup_timeout: Duration,

    /// How long connecting to the Deanonymizer may take, at most 0.6 of --lookup-timeout. A call that is not connected is
    /// neither paid nor taken from the budget.
    #[arg(long, env, default_value = "2s", value_parser = duration)]
    pub lookup_connect_timeout: Duration,

    /// Maximum number of calls by the whole fleet, per min, hour or day, such as 100/min.
    #[arg(long, env, default_value = "unlimited", value_parser = lookup_budget)]
    pub lookup_budget: Maybe<Budget>,

    /// How long the fleet makes no calls after the provider refused our key or our account was exhausted.
    #[arg(long, env, default_value = "1m", value_parser = duration)]
    pub account_retry: Duration,

    /// The price of one call.
    #[arg(long, env, default_value_t = 0.01)]
    pub price_per_lookup: f64,

    /// A session without an event for this long no longer counts as active.
    #[arg(long, env, default_value = "60s", value_parser = duration)]
    pub stale_after: Duration,

    /// How long a closing is remembered after the last event of its session. A later event shows the session again
    /// until it goes stale.
    #[arg(long, env, default_value = "10m", value_parser = duration)]
    pub remember_closings: Duration,

    /// How long a lookup may keep failing before its session is shown anyway, marked as unidentified. Shorter than
    /// --stale-after.
    #[arg(long, env, default_value = "never", value_parser = unidentified_after)]
    pub show_unidentified_after: Maybe<Duration>,

    /// The address for health and metrics. Port 0 takes a free one.
    #[arg(long, env, default_value = "127.0.0.1:9102")]
    pub http_listen: SocketAddr,
}

impl Flags {
    /// The service that identifies visitors.
    ///
    /// # Errors
    /// If the provider file cannot be used; the error names the flag, the line and the key.
    pub fn service(&self) -> anyhow::Result<Service> {
        let Some(file) = &self.deanonymizer_provider else {
            return Ok(self
                .deanonymizer_url
                .0
                .clone()
                .map_or(Service::None, Service::Native));
        };
        let cannot_use = || format!("cannot use --deanonymizer-provider {}", file.display());
        let text = std::fs::read_to_string(file).with_context(cannot_use)?;
        let provider = Provider::parse(&text).with_context(cannot_use)?;
        anyhow::ensure!(
            !provider.needs_key() || self.deanonymizer_key_file.is_some(),
            "--deanonymizer-provider {} sends a key: name the file that holds it with --deanonymizer-key-file",
            file.display()
        );
        Ok(Service::Provider(Arc::new(provider)))
    }

    /// The client for that service.
    ///
    /// # Errors
    /// If the provider file, the key or the system's certificates cannot be used; the error names the flag.
    pub fn deanonymizer(&self) -> anyhow::Result<Deanonymizer> {
        Deanonymizer::new(
            self.service()?,
            self.key_file()?,
            self.lookup_timeout,
            self.lookup_connect_timeout,
            self.tls()?,
        )
        .context("cannot use the system's certificates for --deanonymizer-url")
    }

    /// The TLS configuration of calls; `None` for the system's default.
    fn tls(&self) -> anyhow::Result<Option<ClientConfig>> {
        let identity = self.identity();
        let ca_file = self.common.ca_file.as_deref();
        let is_needed = ca_file.is_some() || identity.is_some();
        is_needed
            .then(|| tls::config(ca_file, identity.as_ref()))
            .transpose()
    }

    /// The certificate that the service is shown.
    fn identity(&self) -> Option<tls::Identity> {
        let files = self.deanonymizer_cert.clone().zip(self.deanonymizer_key.clone());
        files.map(|(certificate, key)| tls::Identity {
            certificate,
            certificate_flag: "--deanonymizer-cert",
            key,
            key_flag: "--deanonymizer-key",
        })
    }

    /// The file with the key for that service.
    ///
    /// # Errors
    /// If it contains no key that can be sent; the error names the flag.
    pub fn key_file(&self) -> anyhow::Result<Option<KeyFile>> {
        self.deanonymizer_key_file.clone().map(KeyFile::open).transpose()
    }

    /// The network and country databases, and the networks that are not looked up.
    ///
    /// # Errors
    /// If a file cannot be used; the error names the flag.
    pub fn free_tier(&self, service: &Service) -> anyhow::Result<FreeTier> {
        let files = Files {
            network_db: self.network_db.clone(),
            country_db: self.country_db.clone(),
            skip_networks: self.skip_networks.clone(),
        };
        FreeTier::open(files, service.clone(), self.skip_reserved)
    }

    /// The companies whose sessions are never shown.
    pub fn hidden(&self) -> HiddenCompanies {
        let named = self.hide_companies.iter().chain(&self.hidden_companies);
        HiddenCompanies::new(named.cloned())
    }

    /// Whether a hidden session may be shown one day, or may be shown now by another enricher, so that its end must be known.
    pub fn publish_hidden_closings(&self) -> bool {
        self.show_unidentified_after.0.is_some() || !self.hidden().are_only_data_centres()
    }
}

impl CommandLine for Flags {
    const LISTEN_FLAG: &'static str = "--http-listen";

    fn common(&self) -> &Common {
        &self.common
    }

    fn command(&self) -> Option<flags::Command> {
        match self.command {
            Some(Command::Shared(command)) => Some(command),
            Some(Command::CheckProvider { .. }) | None => None,
        }
    }

    fn listen(&self) -> SocketAddr {
        self.http_listen
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let deanonymizer = self.deanonymizer()?;
        let service = deanonymizer.service();
        self.free_tier(service)?;
        let lookups = match service {
            Service::None => "makes no lookups: shows visitors with their network and country".to_owned(),
            Service::Native(_) => "looks up addresses at the Deanonymizer; each call costs money".to_owned(),
            Service::Provider(provider) => {
                format!("looks up addresses at {}; each call costs money", provider.name)
            }
        };
        let budget = self.lookup_budget.0.is_none() && !matches!(service, Service::None);
        Ok(Plan {
            does: vec![
                "reads VISITOR_RAW and publishes records to VISITOR_SESSIONS".to_owned(),
                lookups,
                format!("serves health and metrics on {}", self.http_listen),
            ],
            notes: budget
                .then(|| "--lookup-budget is not set: the number of paid calls has no limit".to_owned())
                .into_iter()
                .collect(),
            streams: vec![
                StreamKind::Raw,
                StreamKind::Sessions,
                StreamKind::Activity {
                    stale_after: self.stale_after,
                },
                StreamKind::Profiles,
                StreamKind::Secrets,
                StreamKind::Rejected,
            ],
            reaches: service
                .url()
                .map(|url| Target {
                    name: "the identification service".to_owned(),
                    url,
                    ca_file: self.common.ca_file.clone(),
                    identity: self.identity(),
                })
                .into_iter()
                .collect(),
            ..Plan::default()
        })
    }

    fn client_certificates(&self) -> Vec<ClientCertificate> {
        vec![ClientCertificate {
            flag: "--deanonymizer-cert",
            file: self.deanonymizer_cert.clone(),
            is_reread: false,
        }]
    }

    fn check(&self) -> anyhow::Result<()> {
        let after = self.show_unidentified_after.0;
        anyhow::ensure!(
            after.is_none_or(|after| after < self.stale_after),
            "--show-unidentified-after must be shorter than --stale-after, or never"
        );
        anyhow::ensure!(
            self.price_per_lookup.is_finite() && self.price_per_lookup >= 0.0,
            "--price-per-lookup must be zero or more"
        );
        Ok(())
    }
}

/// A setting with a word for "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maybe<T>(pub Option<T>);

fn deanonymizer_url(text: &str) -> Result<Maybe<Url>, String> {
    if text == "none" {
        Ok(Maybe(None))
    } else {
        http_url(text).map(Some).map(Maybe)
    }
}

fn plausible_ip(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if ip::is_plausible(text) {
        Ok(text.to_owned())
    } else {
        Err("must be an IP address")
    }
}

fn lookup_budget(text: &str) -> Result<Maybe<Budget>, InvalidBudget> {
    if text == "unlimited" {
        Ok(Maybe(None))
    } else {
        text.parse().map(Some).map(Maybe)
    }
}

fn unidentified_after(text: &str) -> Result<Maybe<Duration>, String> {
    if text == "never" {
        Ok(Maybe(None))
    } else {
        duration(text).map(Some).map(Maybe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        <Flags as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn none_is_a_value() {
        assert_eq!(lookup_budget("unlimited"), Ok(Maybe(None)));
        assert!(lookup_budget("100/min").is_ok_and(|budget| budget.0.is_some()));
        assert!(lookup_budget("").is_err());
        assert_eq!(unidentified_after("never"), Ok(Maybe(None)));
        assert_eq!(
            unidentified_after("30s"),
            Ok(Maybe(Some(Duration::from_secs(30))))
        );
    }
}
