//! Reads the stream of sessions and the bucket of claims, and the fleet's position in the stream.

pub mod follower;
pub mod intake;
pub mod position;
