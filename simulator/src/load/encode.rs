//! Events to frames, fast: no allocation and one format of the time per batch.

use bytes::{BufMut, BytesMut};

use crate::{
    emitter::put_text_header,
    event::{EventKind, timestamp},
};

/// Room for a frame of the usual size.
const FRAME_BYTES: usize = 192;

/// Encodes batches.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    end: String,
}

/// The events of one millisecond.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    /// The end of each text: the timestamp and the closing brace.
    end: &'a str,
}

impl Encoder {
    /// Begins a batch of this number of events in a buffer.
    pub(super) fn batch(&mut self, now_ms: i64, events: u64, frames: &mut BytesMut) -> Batch<'_> {
        frames.reserve(usize::try_from(events).unwrap_or(0).saturating_mul(FRAME_BYTES));
        self.end = format!(r#"","timestamp":"{}"}}"#, timestamp(now_ms));
        Batch { end: &self.end }
    }
}

impl Batch<'_> {
    /// Appends an event. The texts must need no escaping.
    pub(super) fn put(self, kind: EventKind, guid: &[u8], ip: &str, frames: &mut BytesMut) {
        let start: &[u8] = match kind {
            EventKind::SessionOpened => br#"{"eventType":"session-opened","ip":""#,
            EventKind::KeepAlive => br#"{"eventType":"keep-alive","ip":""#,
            EventKind::SessionClosed => br#"{"eventType":"session-closed","ip":""#,
        };
        let parts = [start, ip.as_bytes(), br#"","guid":""#, guid, self.end.as_bytes()];
        put_text_header(frames, parts.iter().map(|part| part.len()).sum());
        for part in parts {
            frames.put_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;
    use crate::event::Event;

    #[test]
    fn the_same_text_as_an_event_of_its_own() {
        let guid = "9d8802fe-631a-4591-b1d8-c030870dea05";
        for kind in [
            EventKind::SessionOpened,
            EventKind::KeepAlive,
            EventKind::SessionClosed,
        ] {
            let (mut encoder, mut frames) = (Encoder::default(), BytesMut::new());
            encoder.batch(1_740_974_641_984, 1, &mut frames).put(
                kind,
                guid.as_bytes(),
                "203.225.30.200",
                &mut frames,
            );
            let text = Event::at(kind, guid, "203.225.30.200", 1_740_974_641_984).to_json();
            assert_eq!(
                frames.get_u16(),
                0x817E,
                "a text frame whose length follows in two bytes"
            );
            assert_eq!(usize::from(frames.get_u16()), text.len());
            assert_eq!(frames, text.as_bytes());
        }
    }
}
