//! Who is behind an address.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The company behind an IP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Company {
    /// The Deanonymizer's id for it; compared without regard to case.
    pub guid: String,
    /// Its name.
    pub name: String,
    /// Its internet domain.
    pub domain: String,
}

/// The person behind an IP. Personal email addresses have already been removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// The Deanonymizer's id for the person.
    pub guid: String,
    /// First and last name.
    pub name: String,
    /// The position held, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Business email addresses.
    #[serde(default)]
    pub email_addresses: Vec<String>,
    /// Phone numbers as the Deanonymizer writes them.
    #[serde(default)]
    pub phone_numbers: Vec<String>,
}

/// The filtered identity behind an address: only what may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Profile {
    /// The company, if known. Shared, because many visitors come from one company.
    pub company: Option<Arc<Company>>,
    /// The contact, if known. Shared, because one person may have many sessions.
    pub contact: Option<Arc<Contact>>,
    /// The network of the address and its operator, if known. It does not identify the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Arc<str>>,
    /// The code of the address's country (ISO 3166-1 alpha-2), if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Arc<str>>,
}
