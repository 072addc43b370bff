//! The pipeline's time: the NATS server's clock, which all processes follow, and a monotonic clock for durations.

mod current;
mod estimate;
pub mod freeze;
mod report;
mod server;
mod timeline;

pub use self::current::{Reading, known, now, read, time_at, uptime, uptime_at};
pub use self::report::{Report, offset};
pub use self::server::follow;
pub use self::timeline::Timeline;
