//! What a message announces.

use crate::arrivals::arrival::Arrival;

/// An arrival to announce, with the id by which a receiver recognizes a repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncedArrival {
    /// The same in every repetition.
    pub id: String,
    /// The arrival.
    pub arrival: Arrival,
}
