//! Messages as clients get them: serialized once, and compressed once, for all of them.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use protocol::frame::Frame;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// The maximum size of messages that are never compressed, in bytes, because gzip would save little.
const MIN_COMPRESSED: usize = 1024;

/// The minimum size of messages that are compressed on another thread, in bytes, because that takes a millisecond or more.
const MIN_ON_ANOTHER_THREAD: usize = 64 * 1024;

/// A delta as every client gets it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its revision.
    pub revision: u64,
    /// Its JSON.
    pub message: Encoded,
}

/// The JSON of a message, and its gzip once a client needs it. Clones share both.
#[derive(Clone, Debug, Default)]
pub struct Encoded(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    text: Bytes,
    gzip: OnceCell<Bytes>,
}

impl Encoded {
    /// Creates a message from this JSON.
    pub fn new(text: Bytes) -> Self {
        Self(Arc::new(Inner {
            text,
            gzip: OnceCell::new(),
        }))
    }

    /// Creates a message from this frame.
    pub fn of(frame: &Frame<'_>) -> Self {
        // Serializing strings and numbers cannot fail.
        Self::new(serde_json::to_vec(frame).unwrap_or_default().into())
    }

    /// Its JSON.
    pub fn text(&self) -> &Bytes {
        &self.0.text
    }

    /// The size of its JSON, in bytes.
    pub fn len(&self) -> usize {
        self.0.text.len()
    }

    /// Its JSON with gzip; `None` if it is too short. The first call compresses it, and the others wait for that.
    pub async fn gzip(&self) -> Option<&Bytes> {
        if self.len() <= MIN_COMPRESSED {
            return None;
        }
        let compress = async || {
            let text = self.0.text.clone();
            if text.len() < MIN_ON_ANOTHER_THREAD {
                return compressed(&text);
            }
            // The task fails only when the process exits.
            spawn_blocking(move || compressed(&text))
                .await
                .unwrap_or_default()
        };
        Some(self.0.gzip.get_or_init(compress).await)
    }
}

/// With the fastest level: a snapshot is built up to four times a second, and a delta up to some hundred times.
pub fn compressed(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
    // Writing to a vector cannot fail.
    let written = encoder.write_all(text).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[tokio::test]
    async fn compresses_once_what_is_long_enough() {
        for size in [0, MIN_COMPRESSED] {
            assert!(Encoded::new(vec![b'x'; size].into()).gzip().await.is_none());
        }
        for size in [MIN_COMPRESSED + 1, MIN_ON_ANOTHER_THREAD] {
            let message = Encoded::new(vec![b'x'; size].into());
            let clone = message.clone();
            let (once, again) = tokio::join!(message.gzip(), clone.gzip());
            let (once, again) = (once.unwrap(), again.unwrap());
            assert_eq!(once.as_ptr(), again.as_ptr(), "the clones share the bytes");
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&once[..])
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, *message.text());
        }
    }
}
