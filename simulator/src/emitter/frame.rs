//! WebSocket frames of a server, good and bad, as bytes.

use bytes::{BufMut, Bytes, BytesMut};
use strum::{Display, EnumString, VariantArray};

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const PING: u8 = 0x9;

/// Appends a text frame.
pub(crate) fn put_text(out: &mut BytesMut, payload: &[u8]) {
    put_frame(out, FINAL | TEXT, payload);
}

/// Appends the header of a text frame, for a payload of this length to follow.
pub(crate) fn put_text_header(out: &mut BytesMut, length: usize) {
    put_header(out, FINAL | TEXT, length as u64);
}

/// A text frame.
pub(crate) fn text(payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 10);
    put_text(&mut out, payload);
    out.freeze()
}

/// A binary frame.
pub(crate) fn binary(payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 10);
    put_frame(&mut out, FINAL | BINARY, payload);
    out.freeze()
}

/// A violation of the WebSocket protocol. A client must close the connection after any of them.
#[derive(Clone, Copy, Debug, Display, EnumString, PartialEq, Eq, Hash, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum ProtocolError {
    /// A frame with an opcode that is not defined.
    BadOpcode,
    /// A frame with a reserved bit set that no negotiated extension defines.
    ReservedBits,
    /// A masked frame, which only a client may send.
    Masked,
    /// A text frame that is not UTF-8.
    InvalidUtf8,
    /// A message in fragments, with the beginning of another one inside.
    InterleavedFragments,
    /// The continuation of a message that has not begun.
    OrphanContinuation,
    /// A ping in fragments.
    FragmentedPing,
    /// A ping longer than a control frame may be.
    LongPing,
    /// A frame with a length of four exabytes.
    OversizedLength,
    /// A close frame with half a status code.
    BadClose,
    /// An HTTP answer in the middle of the stream.
    Http,
}

impl ProtocolError {
    /// The bytes of the frame.
    #[must_use]
    pub fn bytes(self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::BadOpcode => put_frame(&mut out, FINAL | 0x3, b"{}"),
            Self::ReservedBits => put_frame(&mut out, FINAL | 0x70 | TEXT, b"{}"),
            Self::Masked => out.put_slice(&[FINAL | TEXT, MASKED | 2, 1, 2, 3, 4, b'{' ^ 1, b'}' ^ 2]),
            Self::InvalidUtf8 => put_frame(&mut out, FINAL | TEXT, b"{\"ip\":\"\xC3\x28\xFF\"}"),
            Self::InterleavedFragments => {
                put_frame(&mut out, TEXT, b"{\"eventType\":");
                put_frame(&mut out, TEXT, b"{\"eventType\":");
            }
            Self::OrphanContinuation => put_frame(&mut out, FINAL | CONTINUATION, b"\"keep-alive\"}"),
            Self::FragmentedPing => put_frame(&mut out, PING, b"?"),
            Self::LongPing => put_frame(&mut out, FINAL | PING, &[b'?'; 126]),
            Self::OversizedLength => put_header(&mut out, FINAL | TEXT, 1 << 62),
            Self::BadClose => put_frame(&mut out, FINAL | 0x8, &[3]),
            Self::Http => out.put_slice(
                b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 50\r\n\r\n\
                  <!doctype html><title>502</title><h1>Bad Gateway</h1>",
            ),
        }
        out.freeze()
    }
}

fn put_frame(out: &mut BytesMut, first_byte: u8, payload: &[u8]) {
    put_header(out, first_byte, payload.len() as u64);
    out.put_slice(payload);
}

/// The shortest header for the length, as the protocol demands. Frames of a server are not masked.
fn put_header(out: &mut BytesMut, first_byte: u8, length: u64) {
    out.put_u8(first_byte);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..=125), _) => out.put_u8(length),
        (_, Ok(length)) => {
            out.put_u8(126);
            out.put_u16(length);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::{
        Error, Message, WebSocket, error::ProtocolError as Reason, protocol::Role,
    };

    use super::*;

    /// The message that another implementation reads from the bytes.
    fn read(bytes: &[u8]) -> Result<Message, Error> {
        WebSocket::from_raw_socket(Cursor::new(bytes.to_vec()), Role::Client, None).read()
    }

    proptest! {
        #[test]
        fn frames_read_back(text in "\\PC{0,200}", padding in 0_usize..70_000) {
            let text = text + &" ".repeat(padding);
            let bytes = super::text(text.as_bytes());
            prop_assert_eq!(read(&bytes).unwrap(), Message::text(text.clone()));
            let bytes = super::binary(text.as_bytes());
            prop_assert_eq!(read(&bytes).unwrap(), Message::binary(text.into_bytes()));
        }
    }

    #[test]
    fn every_protocol_error_is_one() {
        for error in ProtocolError::VARIANTS {
            let read = read(&error.bytes());
            let is_noticed = match &read {
                // These bytes are enough to detect the error, without waiting for more.
                Err(Error::Protocol(reason)) => *reason != Reason::ResetWithoutClosingHandshake,
                Err(Error::Capacity(_) | Error::Utf8(_)) => true,
                _ => false,
            };
            assert!(is_noticed, "{error}: {read:?}");
        }
    }
}
