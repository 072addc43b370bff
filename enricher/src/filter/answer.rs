//! Who the Deanonymizer says is behind an address, unfiltered. Pure.

use protocol::record::{Company, Contact};

/// The Deanonymizer's answer about an address, before anything is filtered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The company, if known.
    pub company: Option<Company>,
    /// The contact, if known, with all of its email addresses.
    pub contact: Option<Contact>,
}
