//! Whether a lookup may be made now: circuit breaker, concurrency limit and budget.

pub mod breaker;
pub mod budget;
pub mod concurrency;
pub mod guard;
