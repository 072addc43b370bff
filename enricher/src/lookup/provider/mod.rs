//! The call: to the Deanonymizer, or to an identification service that a file describes (`--deanonymizer-provider`).

pub mod deanonymizer;
mod description;
mod file;
pub mod key_file;
pub(crate) mod lenient_json;
pub mod native;
mod reachability;
mod reading;
mod request;
mod resolver;
#[cfg(test)]
mod tests;

pub use description::{Family, Provider};
pub use reading::{Finding, Reason, find};
pub use request::UnusableKey;
