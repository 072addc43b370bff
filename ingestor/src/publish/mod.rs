//! Publishes what the outbox releases to `VISITOR_RAW`, and waits while that stream is full.

mod delivered;
pub mod publisher;
