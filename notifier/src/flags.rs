//! The notifier's command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use service::StreamKind;
use service::check_config::Plan;
use service::flags::{Command, Common, duration, http_url};
use service::process::CommandLine;
use service::watchlist::file::WatchlistFile;
use url::Url;

use crate::message::{Format, Messages};
use crate::webhook::Receiver;

/// Tells people when a company arrives on the website, through a webhook.
#[derive(Clone, Debug, Parser)]
#[command(name = "notifier", version)]
pub struct Flags {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub common: Common,

    /// A file with the URL that messages are sent to. The URL is a secret: anyone who knows it can write to your
    /// channel. The file is read for each message.
    #[arg(long, env, value_name = "FILE")]
    pub webhook_url_file: Option<PathBuf>,

    /// The form of the messages.
    #[arg(long, env, value_enum, default_value_t = Format::Json)]
    pub webhook_format: Format,

    /// A file with the secret that messages are signed with (Standard Webhooks): `whsec_` and base64. The file is read for
    /// each message.
    #[arg(long, env, value_name = "FILE")]
    pub webhook_secret_file: Option<PathBuf>,

    /// Where the page is served, for links to the visitor, such as <https://visitors.example/>.
    #[arg(long, env, value_parser = http_url)]
    pub page_url: Option<Url>,

    /// The companies to announce: a file with a domain or company GUID per line, `*.example.com` for everything below a
    /// domain; or `all`. The file is read again when it changes.
    #[arg(long, env, value_name = "FILE|all", default_value = ALL)]
    pub watchlist: PathBuf,

    /// How long to wait before the same company is announced again.
    #[arg(long, env, default_value = "1h", value_parser = duration)]
    pub cooldown: Duration,

    /// Address of health and metrics.
    #[arg(long, env, default_value = "127.0.0.1:9104")]
    pub http_listen: SocketAddr,
}

/// The watchlist that has every company.
const ALL: &str = "all";

impl Flags {
    /// The receiver of the messages.
    ///
    /// # Errors
    /// Fails if a file cannot be used; the error names the flag.
    pub fn receiver(&self) -> anyhow::Result<Receiver> {
        let url_file = self.webhook_url_file.clone();
        let url_file = url_file.ok_or_else(|| anyhow::anyhow!("--webhook-url-file is missing"))?;
        let secret_file = self.webhook_secret_file.clone();
        Receiver::open(url_file, secret_file, self.common.ca_file.as_deref())
    }

    /// The file of the watchlist; `None` for every company.
    ///
    /// # Errors
    /// Fails if the file cannot be used; the error names the flag.
    pub fn watchlist_file(&self) -> anyhow::Result<Option<WatchlistFile>> {
        if self.watchlist.as_os_str() == ALL {
            return Ok(None);
        }
        WatchlistFile::open(self.watchlist.clone()).map(Some)
    }

    /// Makes the messages.
    pub fn messages(&self) -> Messages {
        Messages {
            format: self.webhook_format,
            page_url: self.page_url.clone(),
        }
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

    fn plan(&self) -> anyhow::Result<Plan> {
        // The receiver's URL is a secret, so it is neither printed nor connected to.
        self.receiver()?;
        let whom = match self.watchlist_file()? {
            Some(list) => format!(
                "{} entries of the watchlist",
                list.current().borrow().entries().len()
            ),
            None => "every company".to_owned(),
        };
        Ok(Plan {
            does: vec![
                format!("notifies the webhook when a company arrives: {whom}"),
                format!(
                    "announces the same company again after {:?} at the earliest",
                    self.cooldown
                ),
                format!("serves health and metrics on {}", self.http_listen),
            ],
            streams: vec![StreamKind::Sessions, StreamKind::Notified, StreamKind::Rejected],
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
