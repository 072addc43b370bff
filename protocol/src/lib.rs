//! The contract between the processes: subjects, streams and messages.
//!
//! Nothing here opens a socket or reads a clock. The wire form of every message is frozen by the files in `fixtures/`,
//! which the tests read in both directions.

pub mod activity;
pub mod event;
mod field;
pub mod frame;
pub mod guid;
pub mod history;
pub mod ip;
pub mod page;
pub mod record;
pub mod rejection;
pub mod sample;
pub mod status;
pub mod stream;
pub mod subject;
pub mod time;

pub use activity::Activity;
pub use event::{Event, EventKind};
pub use guid::Guid;
pub use page::{Page, SeenPage, SeenReferrer};
pub use record::{Company, Contact, Profile, Record, SessionMessage, Tombstone};
pub use rejection::Rejection;
pub use time::{Millis, Timestamp};
