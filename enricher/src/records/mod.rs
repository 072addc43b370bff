//! What is published: each session's record or tombstone, its activity, and what this enricher remembers of both.

pub mod activity;
pub mod amend;
pub mod closing_memory;
pub mod held;
pub mod live_records;
pub mod message;
pub mod openings;
pub mod peers;
pub mod publish;
pub mod sessions;
pub mod sessions_room;
pub mod standing;
pub mod write_error;
pub mod writes;
