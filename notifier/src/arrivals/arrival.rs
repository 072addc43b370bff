//! The arrival of a visitor from a company, with what a message says about it.

use protocol::page::Page;
use protocol::{Company, Contact, Guid, Record, Timestamp};
use serde::{Deserialize, Serialize};

/// A visitor from a known company has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    /// The session.
    pub guid: Guid,
    /// The company.
    pub company: Company,
    /// The person, if known.
    pub contact: Option<Contact>,
    /// The network of the address, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The country of the address, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The page, if the emitter reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// The referrer, if the emitter reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// When the visit began, by the emitter's clock.
    pub opened_at: Timestamp,
    /// When the company's record was published, by the NATS server's clock.
    pub seen_at: Timestamp,
}

impl Arrival {
    /// The arrival in a record; `None` if its company is not known.
    #[must_use]
    pub fn of(record: &Record, seen_at: Timestamp) -> Option<Self> {
        let profile = &record.profile;
        Some(Self {
            guid: record.guid.clone(),
            company: profile.company.as_deref()?.clone(),
            contact: profile.contact.as_deref().cloned(),
            network: profile.network.as_deref().map(str::to_owned),
            country: profile.country.as_deref().map(str::to_owned),
            page: record.page.as_ref().map(|seen| Page::clone(&seen.page)),
            referrer: record.referrer.as_ref().map(|seen| seen.url.to_string()),
            opened_at: record.shown_opened_at(),
            seen_at,
        })
    }
}
