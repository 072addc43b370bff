//! The HTTP server of every process: connections and their limits, TLS, health and metrics.

pub mod client_limit;
mod connection_limit;
pub mod health_routes;
pub mod open_files;
pub mod proxies;
mod reserve;
mod server;
pub mod tls;

pub use self::connection_limit::{ConnectionLimit, Permit};
pub use self::server::{Connection, Server};
