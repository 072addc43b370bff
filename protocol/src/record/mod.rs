//! The messages on `visitor.session.<guid>`: a session's record or, once it is closed, its tombstone.

mod message;
mod profile;
mod session;

pub use self::message::{InvalidMessage, SessionMessage};
pub use self::profile::{Company, Contact, Profile};
pub use self::session::{Identity, Record, Tombstone};
