//! The fleet's bill in the bucket.

use service::bucket::BucketError;
use std::time::Duration;

use super::shared::SharedCache;
use crate::lookup::billing::bill::Bill;

/// The key of the fleet's bill.
pub const BILL: &str = "bill";

/// How long the bill outlives the last call.
const BILL_TTL: Duration = Duration::from_hours(24 * 366);

impl SharedCache {
    /// The fleet's bill, if there is one, and its sequence.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub async fn bill(&self) -> Result<(Option<Bill>, u64), BucketError> {
        self.standing(BILL).await
    }

    /// Writes the bill; `false` if another one has been written since the one with the expected sequence.
    ///
    /// # Errors
    /// Fails if the bucket does not acknowledge.
    pub async fn write_bill(&self, bill: &Bill, expected: u64) -> Result<bool, BucketError> {
        Ok(self.write(BILL, bill, BILL_TTL, Some(expected)).await?.is_some())
    }
}
