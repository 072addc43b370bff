//! The emitter's events, as they arrive and as they travel on `visitor.raw.>`.

mod batch;
mod json;
mod kind;

pub use self::batch::{MAX_EVENTS, RECEIVED_AT_HEADER, lines};
pub use self::json::{Event, MAX_BYTES};
pub use self::kind::EventKind;
