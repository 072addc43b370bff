//! What is published: each session's record or tombstone, its activity, and what this enricher remembers of both.

pub mod activity;
pub mod awaiting_capacity;
pub mod awaiting_opening;
pub mod closing_memory;
pub mod live_records;
pub mod lost_openings;
pub mod message;
pub mod peers;
pub mod pending_writes;
pub mod publish;
pub mod sessions;
pub mod stored_record;
pub mod stream_capacity;
pub mod updater;
pub mod write_error;
