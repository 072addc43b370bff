//! The enricher's command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use reqwest::Url;
use service::flags::{Command, Common, duration, http_url};
use service::process::CommandLine;

use crate::budget::{Budget, InvalidBudget};
use crate::hidden_companies::{HiddenCompanies, HiddenCompany};

/// Finds out who visitors are, and republishes what may be shown.
#[derive(Clone, Debug, Parser)]
#[command(name = "enricher", version)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub common: Common,

    /// The Deanonymizer; every call to it costs money.
    #[arg(long, env, default_value = "http://127.0.0.1:4830/deanonymize", value_parser = http_url)]
    pub deanonymizer_url: Url,

    /// Companies whose sessions are never shown, besides the two data centres: GUIDs or domains, comma-separated. A domain
    /// hides the companies whose domain it is, and those below it.
    #[arg(long, env, value_delimiter = ',', value_name = "GUID|DOMAIN")]
    pub hide_companies: Vec<HiddenCompany>,

    /// The former name of `--hide-companies`; both may be given.
    #[arg(long, env, value_delimiter = ',', value_name = "GUID|DOMAIN", hide = true)]
    pub hidden_companies: Vec<HiddenCompany>,

    /// How long a profile is cached.
    #[arg(long, env, default_value = "24h", value_parser = duration)]
    pub profile_ttl: Duration,

    /// How long it is remembered that the Deanonymizer does not know an IP.
    #[arg(long, env, default_value = "1h", value_parser = duration)]
    pub unknown_ttl: Duration,

    /// How many IPs this process remembers; the least used go first.
    #[arg(long, env, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub cache_capacity: u64,

    /// The most calls to the Deanonymizer at once.
    #[arg(long, env, default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..))]
    pub lookup_concurrency: u16,

    /// How long one call may take.
    #[arg(long, env, default_value = "5s", value_parser = duration)]
    pub lookup_timeout: Duration,

    /// The most calls the whole fleet may make: a number per min, hour or day, such as 100/min.
    #[arg(long, env, default_value = "unlimited", value_parser = lookup_budget)]
    pub lookup_budget: Maybe<Budget>,

    /// What one call costs.
    #[arg(long, env, default_value_t = 0.01)]
    pub price_per_lookup: f64,

    /// After how much silence a session no longer counts as active.
    #[arg(long, env, default_value = "60s", value_parser = duration)]
    pub stale_after: Duration,

    /// How long a closing is remembered after the last event of its session: an event that comes later shows the session
    /// until it goes stale.
    #[arg(long, env, default_value = "10m", value_parser = duration)]
    pub remember_closings: Duration,

    /// How long a lookup may keep failing before its session is shown all the same, marked as unidentified; shorter
    /// than --stale-after.
    #[arg(long, env, default_value = "never", value_parser = unidentified_after)]
    pub show_unidentified_after: Maybe<Duration>,

    /// Where to serve health and metrics; port 0 takes a free one.
    #[arg(long, env, default_value = "127.0.0.1:9102")]
    pub http_listen: SocketAddr,
}

impl Flags {
    /// The companies whose sessions are never shown.
    pub fn hidden(&self) -> HiddenCompanies {
        let named = self.hide_companies.iter().chain(&self.hidden_companies);
        HiddenCompanies::new(named.cloned())
    }
}

impl CommandLine for Flags {
    const LISTEN_FLAG: &'static str = "--http-listen";

    fn common(&self) -> &Common {
        &self.common
    }

    fn command(&self) -> Option<Command> {
        self.command
    }

    fn listen(&self) -> SocketAddr {
        self.http_listen
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

/// A setting that has a word for its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maybe<T>(pub Option<T>);

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
    fn flags_fit_together() {
        <Flags as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn absence_has_a_word() {
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
