//! An identification service that a file describes (`--deanonymizer-provider`): how to ask it, and what its answers mean.

pub mod deanonymizer;
mod file;
pub mod key_file;
mod reading;
mod request;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

pub use reading::{Finding, Reason, find};
pub use request::UnusableKey;

/// A provider, as its file describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// What people call it.
    pub name: String,
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    /// Which calls the provider bills.
    pub billed: Billed,
    families: Vec<Family>,
    statuses: BTreeMap<u16, Meaning>,
    company: CompanyPointers,
    contact: ContactPointers,
    /// For each pointer, the values that mean that nobody knows the address.
    unknown_if: Vec<(String, Vec<Value>)>,
}

/// Which calls a provider bills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Billed {
    /// Every call that it looked at.
    #[default]
    Call,
    /// Those that found somebody.
    Match,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// RFC 791, also where it is written as IPv6 (`::ffff:1.2.3.4`).
    Ipv4,
    /// RFC 8200.
    Ipv6,
}

/// What a status means, other than that an answer follows or that the provider is in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Unknown,
    Queued,
    Exhausted,
    Refused,
}

/// Where the fields of a company stand in an answer, as JSON Pointers (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct CompanyPointers {
    guid: Option<String>,
    name: Option<String>,
    domain: Option<String>,
}

/// Where the fields of a contact stand in an answer, as JSON Pointers (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ContactPointers {
    guid: Option<String>,
    name: Option<String>,
    title: Option<String>,
    email_addresses: Option<String>,
    phone_numbers: Option<String>,
}

impl Provider {
    /// Whether the provider is asked about addresses of this family.
    #[must_use]
    pub fn takes(&self, family: Family) -> bool {
        self.families.contains(&family)
    }

    /// Whether a key goes with each question.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        let texts = self.headers.iter().map(|(_, value)| value);
        texts
            .chain([&self.url])
            .chain(&self.body)
            .any(|text| text.contains(request::KEY))
    }
}
