//! An identification service, as its file describes it. Pure.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

/// A provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Its name for operators.
    pub name: String,
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    /// Which calls the provider bills.
    pub billed: Billed,
    pub(super) families: Vec<Family>,
    pub(super) statuses: BTreeMap<u16, Meaning>,
    pub(super) company: CompanyPointers,
    pub(super) contact: ContactPointers,
    /// For each pointer, the values that mean "unknown".
    pub(super) unknown_if: Vec<(String, Vec<Value>)>,
}

/// Which calls a provider bills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Billed {
    /// Every call that it processed.
    #[default]
    Call,
    /// Calls that found somebody.
    Match,
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// RFC 791, including addresses written as IPv6 (`::ffff:1.2.3.4`).
    Ipv4,
    /// RFC 8200.
    Ipv6,
}

/// The meaning of a status that is neither an answer nor a failure of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Unknown,
    Queued,
    Exhausted,
    Refused,
}

/// The fields of a company in an answer, as JSON Pointers (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CompanyPointers {
    pub(super) guid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) domain: Option<String>,
}

/// The fields of a contact in an answer, as JSON Pointers (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ContactPointers {
    pub(super) guid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) title: Option<String>,
    pub(super) email_addresses: Option<String>,
    pub(super) phone_numbers: Option<String>,
}

impl Provider {
    /// Whether the provider is asked about addresses of this family.
    #[must_use]
    pub fn supports(&self, family: Family) -> bool {
        self.families.contains(&family)
    }
}
