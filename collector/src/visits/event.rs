//! An event of a session, as connected ingestors get it.

use std::net::IpAddr;
use std::sync::Arc;

use protocol::Millis;
use protocol::event::EventKind;
use uuid::Uuid;

use crate::beacon::Page;

/// An event for connected ingestors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The session.
    pub guid: Uuid,
    /// The visitor's address.
    pub address: IpAddr,
    /// When it happened, by the clock of [`Visits`](super::Visits).
    pub at: Millis,
    /// The page that the visitor sees.
    pub page: Option<Arc<Page>>,
    /// The other website that the visitor came from.
    pub referrer: Option<Arc<str>>,
}
