//! The `SessionsEmitter`'s WebSocket.

pub mod frame;
pub mod listener;
