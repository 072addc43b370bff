//! The results of the work that the hub starts.

use service::bucket::BucketError;

use super::sending::Sent;
use crate::arrivals::arrival::Arrival;
use crate::cooldown::claim::{Claim, CompanyKey};
use crate::cooldown::store::Claimed;

/// Some of the work has ended.
pub enum Done {
    /// An attempt to claim a company.
    Claimed {
        key: CompanyKey,
        claim: Claim,
        arrival: Box<Arrival>,
        result: Result<Claimed, BucketError>,
    },
    /// An attempt to restore a lost bucket.
    PutBack(Result<(), BucketError>),
    /// A message.
    Sent(Sent),
    /// An attempt to record in the bucket that an arrival was announced.
    Noted {
        key: CompanyKey,
        claim: Claim,
        expected: u64,
        result: Result<Option<u64>, BucketError>,
    },
    /// Work whose failure needs no reaction.
    Finished,
}
