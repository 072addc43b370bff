//! The streams: their settings, and whether each still holds what it held.

mod definitions;
pub mod follower;
pub mod incarnation;
mod reading;
mod reconcile;
mod settings;
pub mod watch;

pub use self::definitions::*;
pub use self::reading::consumer_after;
pub use self::reconcile::{Difference, Plan, plan};
pub use self::settings::StreamKind;
