//! The ends of what the hub has set going.

use super::sending::Sent;
use crate::arrivals::arrival::Arrival;
use crate::cooldown::claim::{Claim, CompanyKey};
use crate::cooldown::store::{Claimed, StoreError};

/// Something that was set going has ended.
pub enum Done {
    /// An attempt to claim a company.
    Claimed {
        key: CompanyKey,
        claim: Claim,
        arrival: Box<Arrival>,
        result: Result<Claimed, StoreError>,
    },
    /// What a lost bucket held is put back, or not.
    PutBack(Result<(), StoreError>),
    /// A message.
    Sent(Sent),
    /// The bucket says that an arrival was told, or does not.
    Noted {
        key: CompanyKey,
        claim: Claim,
        expected: u64,
        result: Result<Option<u64>, StoreError>,
    },
    /// Something whose failure repairs itself.
    Finished,
}
