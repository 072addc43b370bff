//! The results of the pipeline's futures.

use std::sync::Arc;

use protocol::Guid;

use crate::address_key::Key;
use crate::lookup::LookedUp;
use crate::lookup::failure::LookupFailure;
use crate::queue::in_flight::DeliveryId;
use crate::queue::opened_events::{OldestOpening, OpenedEvents, Scan};
use crate::records::sessions::PublishOutcome;
use crate::records::write_error::WriteError;
use crate::sighting::Sighting;

/// What the stream holds after an update, and whether the update wrote it.
pub type Updated = Result<(PublishOutcome, bool), WriteError>;

/// An update of what the stream says about a session has ended.
pub enum UpdateDone {
    /// The update adds what an event knows to the record.
    Record(Sighting, DeliveryId, Updated),
    /// The update hides the record because of an event.
    Hidden(Sighting, DeliveryId, Updated),
    /// The update hides the record without an event.
    UnidentifiedHidden(Guid, Updated),
}

/// A lookup has ended.
pub enum LookupDone {
    /// The lookup ended, with a verdict on the address or without.
    Verdict(Key, Result<LookedUp, Arc<LookupFailure>>),
    /// The stream already has the session that the lookup was for.
    Stored(Key, Guid, PublishOutcome),
}

/// A read of the opened events in the queue has ended.
pub enum OpeningsRead {
    /// The oldest of them.
    Oldest(OldestOpening),
    /// Some of them, and how far the scan should get.
    Scanned(OpenedEvents, Scan),
}
