//! Reads the emitter's WebSocket, checks each frame, and reconnects.

pub mod address;
pub mod feed;
mod silence;
