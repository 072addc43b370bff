//! Logs, metrics, traces and health of a process.

mod exposition;
pub mod health;
pub mod log_throttle;
pub mod logs;
pub mod metrics;
mod process_metrics;
pub mod status_codes;
pub mod trace;
