//! A row for the tests of this crate.

use protocol::frame::VisibleSession;
use protocol::{Guid, Timestamp};

/// A session of an unknown visitor.
pub fn row(guid: &str, ip: &str, opened_at: Timestamp, last_activity_at: Timestamp) -> VisibleSession {
    VisibleSession {
        guid: Guid::new(guid).unwrap(),
        ip: ip.into(),
        opened_at,
        last_activity_at,
        company: None,
        contact: None,
        network: None,
        country: None,
        page: None,
        referrer: None,
        unidentified: false,
    }
}
