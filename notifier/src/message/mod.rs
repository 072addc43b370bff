//! The messages: JSON for programs, and the forms of Slack and Microsoft Teams. Pure.

mod announced;
mod json;
mod slack;
mod teams;
mod text;

pub use announced::AnnouncedArrival;

use protocol::Timestamp;
use serde_json::Value;
use url::Url;

use crate::arrivals::arrival::Arrival;

/// Maximum number of arrivals in one message. Slack accepts 50 blocks, Teams 28 KB.
pub const MAX_ARRIVALS: usize = 20;

/// The form of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// JSON for programs.
    Json,
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow of Microsoft Teams.
    Teams,
}

/// Makes messages.
#[derive(Clone, Debug)]
pub struct Messages {
    /// Their form.
    pub format: Format,
    /// Where the page is served, for links.
    pub page_url: Option<Url>,
}

impl Messages {
    /// One message about all of these arrivals.
    #[must_use]
    pub fn render(&self, arrivals: &[AnnouncedArrival], now: Timestamp) -> Value {
        match self.format {
            Format::Json => json::render(arrivals, now, |arrival| self.link(arrival)),
            Format::Slack => slack::render(arrivals, |arrival| self.link(arrival)),
            Format::Teams => teams::render(arrivals, |arrival| self.link(arrival)),
        }
    }

    /// The page's URL for the visitor.
    fn link(&self, arrival: &Arrival) -> Option<String> {
        let mut url = self.page_url.clone()?;
        url.query_pairs_mut()
            .append_pair("visitor", &arrival.guid.to_string());
        Some(url.into())
    }
}

#[cfg(test)]
mod tests;
