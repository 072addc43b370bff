//! The connection to NATS and what every process does with it: requests, reading last messages, rejecting, reporting.

pub(crate) mod access;
pub mod bucket;
mod connection;
mod credentials;
pub mod last_message;
pub mod rejected;
pub mod requests;
mod server_choice;
pub mod status;

pub use self::connection::{Link, Nats, PART};
