//! Reads the streams of sessions, activities and statuses, and writes back what a stream has lost.

pub mod check;
pub mod follower;
pub mod receipt;
mod store;
pub mod writer;
