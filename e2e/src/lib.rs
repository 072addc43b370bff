//! The whole pipeline as one thing that a test can start, watch and hurt: a real nats-server with the repository's
//! configuration, the third parties from the simulator, and the real processes.
//!
//! - [`Pipeline`] starts everything and ends it when it is dropped.
//! - [`Viewer`] watches as the page does, [`Tap`] as an operator with the nats CLI does.
//! - [`oracle`] says, from the events that were sent, what must be seen.
//! - [`ScriptedProvider`] answers lookups byte for byte as a test says.
//! - [`Crowd`] is visitors by the thousand.
//! - [`chaos`] hurts everything at random, from a seed.
//!
//! Everything listens on ports of its own, so that several pipelines can run at once. The logs of all processes are in
//! `target/e2e/<test>/`.

mod arrivals;
mod binaries;
mod certificates;
pub mod chaos;
mod crowd;
mod eventually;
mod expected;
mod fake_clock;
mod http;
mod judge;
mod latency;
pub mod line;
mod lookup_trial;
mod member;
mod nats_clock;
mod nats_server;
pub mod oracle;
mod outage_trial;
mod pipeline;
mod ports;
mod process;
mod prometheus;
mod scripted_provider;
mod tap;
mod tcp_proxy;
mod usage;
mod view;
mod viewer;
mod visitor;

pub use binaries::{nats_cli, nats_server, of_workspace, repository};
pub use certificates::Certificates;
pub use crowd::Crowd;
pub use eventually::{PATIENCE, eventually, within};
pub use expected::Expected;
pub use fake_clock::FakeClock;
pub use http::{Answer, Http};
pub use latency::Latencies;
pub use lookup_trial::{Condition, LookupOutcome, LookupTrial};
pub use member::{Member, Role};
pub use nats_server::NatsServer;
pub use outage_trial::{HandledRate, OutageTrial};
pub use pipeline::{Builder, Pipeline};
pub use ports::free as free_port;
pub use process::Process;
pub use prometheus::Prometheus;
pub use scripted_provider::{Reply, ScriptedProvider};
pub use tap::{Heard, Tap};
pub use tcp_proxy::TcpProxy;
pub use usage::{SIMULATORS, Usage, Used};
pub use view::View;
pub use viewer::Viewer;
pub use visitor::Visitor;
