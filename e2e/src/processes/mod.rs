//! Child processes: our own, the servers that they need, and the simulated third parties, with everything that a test can do
//! to them.

mod binaries;
mod certificates;
mod fake_clock;
mod instance;
mod nats_clock;
mod nats_server;
mod pipeline;
mod ports;
mod process;
mod prometheus;
mod reverse_proxy;
mod scripted_provider;
mod tcp_proxy;

pub use binaries::{
    caddy, nats_cli, nats_server, previous_release, promtool, repository, tinyproxy, workspace_binary,
};
pub use certificates::Certificates;
pub use fake_clock::FakeClock;
pub use instance::{Instance, Role};
pub use nats_server::{MAINTAINER, NatsServer};
pub use pipeline::{Builder, Pipeline};
pub use ports::free as free_port;
pub use process::Process;
pub use prometheus::Prometheus;
pub use reverse_proxy::ReverseProxy;
pub use scripted_provider::{Reply, ScriptedProvider};
pub use tcp_proxy::TcpProxy;
