//! What the oracle must know besides the events.

use std::time::Duration;

use protocol::Millis;
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
    /// When ingestors read late what was sent.
    pub late: &'a [LateReading],
    /// After how much silence a session is stale.
    pub stale_after: Duration,
    /// The longest that an event may be on its way. What depends on more precision is not judged.
    pub slack: Duration,
    /// When the view was looked at.
    pub now: Millis,
}
