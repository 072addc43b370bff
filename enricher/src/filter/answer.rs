//! Who the Deanonymizer says is behind an address, unfiltered. Pure.

use protocol::record::{Company, Contact};

/// What the Deanonymizer says of an address, before anything is filtered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The company, where known.
    pub company: Option<Company>,
    /// The contact, where known, with every address that the Deanonymizer has.
    pub contact: Option<Contact>,
}
