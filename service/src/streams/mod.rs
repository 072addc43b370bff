//! The streams: their settings, and whether each still holds what it held.

mod definitions;
pub mod incarnation;
mod settings;
pub mod watch;

pub use self::definitions::*;
pub use self::settings::{StreamKind, lacking};
