//! What a process says about itself: logs, metrics, traces and health.

pub mod health;
pub mod log_throttle;
pub mod logs;
pub mod metrics;
pub mod trace;
