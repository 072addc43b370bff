//! Logs, metrics, traces and health of a process.

pub mod health;
pub mod log_throttle;
pub mod logs;
pub mod metrics;
pub mod trace;
