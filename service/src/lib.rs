//! What every process shares: flags, logs, the NATS connection, health, status and shutdown.

pub mod backoff;
pub mod client;
pub mod clock;
pub mod domain;
pub mod http;
pub mod nats;
pub mod process;
pub mod streams;
pub mod telemetry;
pub mod watchlist;

pub use crate::clock::freeze;
pub use crate::http::{Connection, ConnectionLimit, Permit, Server};
pub use crate::http::{client_limit, open_files, proxies, tls};
pub use crate::nats::Nats;
pub use crate::nats::requests::{self, Requests};
pub use crate::nats::{bucket, last_message, rejected, status};
pub use crate::process::{Process, check_config, file_version, flags, instance, secret, standalone};
pub use crate::streams::{StreamKind, incarnation, watch as stream_watch};
pub use crate::telemetry::health::{self, Health};
pub use crate::telemetry::{log_throttle, metrics, status_codes, trace};
