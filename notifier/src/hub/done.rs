//! The ends of what the hub has set going.

use service::bucket::BucketError;

use super::sending::Sent;
use crate::arrivals::arrival::Arrival;
use crate::cooldown::claim::{Claim, CompanyKey};
use crate::cooldown::store::Claimed;

/// Something that was set going has ended.
pub enum Done {
    /// An attempt to claim a company.
    Claimed {
        key: CompanyKey,
        claim: Claim,
        arrival: Box<Arrival>,
        result: Result<Claimed, BucketError>,
    },
    /// What a lost bucket held is put back, or not.
    PutBack(Result<(), BucketError>),
    /// A message.
    Sent(Sent),
    /// The bucket says that an arrival was told, or does not.
    Noted {
        key: CompanyKey,
        claim: Claim,
        expected: u64,
        result: Result<Option<u64>, BucketError>,
    },
    /// Something whose failure repairs itself.
    Finished,
}
