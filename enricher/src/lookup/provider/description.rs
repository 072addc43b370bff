//! An identification service, as its file describes it. Pure.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

/// A provider, as its file describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// What people call it.
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
    /// For each pointer, the values that mean that nobody knows the address.
    pub(super) unknown_if: Vec<(String, Vec<Value>)>,
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
pub(super) enum Meaning {
    Unknown,
    Queued,
    Exhausted,
    Refused,
}

/// Where the fields of a company stand in an answer, as JSON Pointers (RFC 6901).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CompanyPointers {
    pub(super) guid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) domain: Option<String>,
}

/// Where the fields of a contact stand in an answer, as JSON Pointers (RFC 6901).
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
    pub fn takes(&self, family: Family) -> bool {
        self.families.contains(&family)
    }
}
