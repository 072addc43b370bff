//! What the oracle must know besides the events.

use std::time::Duration;

use protocol::Timestamp;
use simulator::world::World;

use crate::oracle::hidden::HiddenCompanies;
use crate::oracle::late::LateReading;

/// The circumstances under which the events were sent.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Who is behind the addresses.
    pub world: World,
    /// Which companies are hidden besides the data centres.
    pub hidden: &'a HiddenCompanies,
    /// The times during which ingestors read late.
    pub late: &'a [LateReading],
    /// How long after its last event a session is stale.
    pub stale_after: Duration,
    /// Maximum time of an event in transit. Differences within it are ignored.
    pub slack: Duration,
    /// When the view was read.
    pub now: Timestamp,
}
