//! What lookups cost the whole fleet: its bill in the bucket, and this enricher's part in it.

pub mod bill;
pub mod meter;
