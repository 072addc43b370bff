//! The whole pipeline: NATS, the simulated third parties and our processes.

mod assertions;
mod builder;
mod config;
mod handle;

pub use builder::Builder;
pub use handle::Pipeline;
