//! The whole pipeline as an object that a test can start, observe and disturb: a real nats-server with the repository's
//! configuration, simulated third parties, and the real processes.
//!
//! - [`processes`] starts and stops everything: [`processes::Pipeline`] first of all.
//! - [`clients`] reads what the pipeline publishes: over HTTP, as the page does, and as an operator with the nats CLI does.
//! - [`oracle`] derives from the events that were sent what a view must show.
//! - [`load`] sends the events of many visitors, and measures latency, lookups, CPU time and memory.
//! - [`chaos`] injects random faults from a seed.
//!
//! Each pipeline listens on its own ports, so that several can run at once. The logs of all processes are in
//! `target/e2e/<test>/`.

pub mod chaos;
pub mod clients;
mod eventually;
pub mod load;
pub mod oracle;
pub mod processes;
pub mod times;
mod visitor;

pub use eventually::{WAIT_TIMEOUT, eventually, within};
pub use visitor::Visitor;
