//! Reads the emitter's WebSocket, checks each frame, and reconnects.

pub mod address;
pub mod connect;
pub mod feed;
mod frame;
mod handshake;
pub mod headers;
mod proof;
mod silence;
