//! Frames as bytes.

use bytes::Bytes;
use protocol::frame::Frame;

/// A frame as every client gets it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its revision.
    pub revision: u64,
    /// Its JSON; all clients get the same bytes.
    pub text: Bytes,
}

/// The JSON of a frame.
pub fn text(frame: &Frame<'_>) -> Bytes {
    // Serializing strings and numbers cannot fail.
    serde_json::to_vec(frame).unwrap_or_default().into()
}
