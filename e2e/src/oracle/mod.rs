//! What a view must show, derived from the events that were sent. Pure, and written independently of the gateway: if the two
//! disagree, one of them is wrong.

mod circumstances;
mod comparison;
mod difference;
mod expected;
mod hidden;
mod in_transit;
mod late;
mod span;

pub use circumstances::Circumstances;
pub use difference::{Difference, check};
pub use expected::{ExpectedSession, ExpectedView};
pub use hidden::{GRACE, HiddenCompanies, Visibility, company_of};
pub use in_transit::differences_in_transit;
pub use late::LateReading;
pub use span::Span;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
