//! What every process shares: flags, logs, the NATS connection, health, status and the way to stop.

pub mod backoff;
pub mod client_limit;
pub mod clock;
pub mod flags;
pub mod freeze;
pub mod health;
pub mod healthcheck;
pub mod http;
pub mod incarnation;
pub mod instance;
pub mod last_message;
pub mod metrics;
pub mod nats;
pub mod open_files;
pub mod process;
pub mod rejected;
pub mod requests;
mod reserve;
pub mod room;
pub mod secret;
pub mod seldom;
pub mod server;
pub mod shutdown;
pub mod status;
pub mod stream_watch;
pub mod streams;
pub mod telemetry;
pub mod tls;
pub mod trace;

pub use health::Health;
pub use nats::Nats;
pub use process::Process;
pub use requests::Requests;
pub use room::{Place, Room};
pub use server::{Connection, Server};
