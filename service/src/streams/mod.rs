//! The streams: their settings, and whether each still holds what it held.

mod definitions;
pub mod incarnation;
pub mod watch;

pub use self::definitions::*;
