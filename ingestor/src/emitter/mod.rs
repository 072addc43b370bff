//! Reads the emitter's WebSocket, checks each frame, and reconnects.

pub mod feed;
mod silence;
