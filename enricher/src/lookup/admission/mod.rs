//! Whether a lookup may be made now: account, circuit breaker, concurrency limit and budget.

pub mod account;
pub mod account_gate;
pub mod breaker;
pub mod budget;
pub mod concurrency;
pub mod guard;
pub mod ruling;
pub mod share;
