//! Finds the events in a frame. Pure.
//!
//! A frame should contain one event. If its meaning is clear, it may also contain a JSON array of events, several objects
//! or one object per line, preceded by a byte order mark and followed by NUL bytes.

use bytes::Bytes;
use protocol::{Event, EventKind, Rejection};
use serde_json::value::RawValue;

/// How many parts of one frame are rejected individually; the rest is rejected together.
const MAX_REJECTED_PARTS: usize = 16;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a part of a frame is.
pub type Part = (Result<EventKind, Rejection>, Bytes);

/// The events of a frame, and the parts that are not events. A frame without any event is rejected as a whole. `seen`
/// receives each event.
pub fn parts(frame: Bytes, mut seen: impl FnMut(&Event<'_>)) -> impl Iterator<Item = Part> {
    let (whole, several) = match kind(&frame, &mut seen) {
        Ok(kind) => (Some((Ok(kind), frame)), Vec::new()),
        Err(reason) => match split(&frame, &mut seen) {
            Some(parts) => (None, parts),
            None => (Some((Err(reason), frame)), Vec::new()),
        },
    };
    whole.into_iter().chain(several)
}

/// The parts of a frame that is not just an event; `None` if no part is an event.
fn split(frame: &Bytes, seen: &mut impl FnMut(&Event<'_>)) -> Option<Vec<Part>> {
    let text = frame.strip_prefix(BYTE_ORDER_MARK).unwrap_or(frame);
    let end = text
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let mut rest = &text[..end];
    let (mut parts, mut rejected) = (Vec::new(), 0);
    while !rest.trim_ascii_start().is_empty() {
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
        for value in values.by_ref().map_while(Result::ok) {
            take(frame, value.get(), &mut parts, seen);
        }
        let read = values.byte_offset();
        rest = &rest[read..];
        if rest.trim_ascii_start().is_empty() {
            break;
        }
        // A part that cannot be parsed ends with its line.
        let line = rest.trim_ascii_start();
        let length = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
        rejected += 1;
        let broken = if rejected == MAX_REJECTED_PARTS {
            line
        } else {
            &line[..length]
        };
        parts.push((Err(Rejection::NotJson), frame.slice_ref(broken)));
        rest = &line[broken.len()..];
    }
    parts
        .iter()
        .any(|(outcome, _)| outcome.is_ok())
        .then(|| limited(parts))
}

/// Adds a value, or those of an array.
fn take(frame: &Bytes, value: &str, parts: &mut Vec<Part>, seen: &mut impl FnMut(&Event<'_>)) {
    if value.starts_with('[')
        && let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(value)
        && !values.is_empty()
    {
        parts.extend(values.into_iter().map(|value| one(frame, value.get(), seen)));
    } else {
        parts.push(one(frame, value, seen));
    }
}

fn one(frame: &Bytes, value: &str, seen: &mut impl FnMut(&Event<'_>)) -> Part {
    let json = frame.slice_ref(value.as_bytes());
    (kind(&json, seen), json)
}

fn kind(json: &[u8], seen: &mut impl FnMut(&Event<'_>)) -> Result<EventKind, Rejection> {
    let event = Event::parse(json)?;
    seen(&event);
    Ok(event.kind)
}

/// All events, and a limited number of rejected parts, so that a frame full of garbage does not flood the stream.
fn limited(parts: Vec<Part>) -> Vec<Part> {
    let mut rejected = 0;
    let kept = parts.into_iter().filter(|(outcome, _)| {
        rejected += usize::from(outcome.is_err());
        outcome.is_ok() || rejected <= MAX_REJECTED_PARTS
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"{"eventType":"keep-alive","ip":"::1","guid":"a"}"#;
    const SECOND: &str = r#"{"eventType":"session-closed","ip":"::1","guid":"b"}"#;

    fn read(frame: &[u8]) -> Vec<(Result<EventKind, Rejection>, String)> {
        let parts = parts(Bytes::copy_from_slice(frame), |_| {});
        parts
            .map(|(outcome, json)| (outcome, String::from_utf8_lossy(&json).into_owned()))
            .collect()
    }

    fn both() -> Vec<(Result<EventKind, Rejection>, String)> {
        vec![
            (Ok(EventKind::KeepAlive), FIRST.to_owned()),
            (Ok(EventKind::SessionClosed), SECOND.to_owned()),
        ]
    }

    #[test]
    fn several_events_in_one_frame_count_one_by_one() {
        for frame in [
            format!("[{FIRST},{SECOND}]"),
            format!(" [ {FIRST} , {SECOND} ] \n"),
            format!("{FIRST}{SECOND}"),
            format!("{FIRST}\n{SECOND}\n"),
            format!("{FIRST}\r\n\r\n{SECOND}"),
            format!("\u{feff}{FIRST}\n{SECOND}\0\0"),
            format!("[{FIRST}]\n{SECOND}"),
        ] {
            assert_eq!(read(frame.as_bytes()), both(), "{frame}");
        }
    }

    #[test]
    fn marks_and_padding_around_an_event_do_not_matter() {
        for frame in [
            format!("\u{feff}{FIRST}"),
            format!("{FIRST}\0"),
            format!("\u{feff} {FIRST} \n\0"),
        ] {
            assert_eq!(read(frame.as_bytes()), both()[..1], "{frame:?}");
        }
    }

    #[test]
    fn whole_events_beside_broken_ones_are_used() {
        let broken = &FIRST[..20];
        let parts = read(format!("{FIRST}\n{broken}\n{SECOND}").as_bytes());
        assert_eq!(parts[0], both()[0]);
        assert_eq!(parts[1], (Err(Rejection::NotJson), broken.to_owned()));
        assert_eq!(parts[2], both()[1]);
        let parts = read(format!("[{FIRST},7]").as_bytes());
        assert_eq!(
            parts,
            [both()[0].clone(), (Err(Rejection::NotAnObject), "7".to_owned())]
        );
    }

    #[test]
    fn frame_without_an_event_is_rejected_as_a_whole() {
        for (frame, reason) in [
            ("[1]", Rejection::NotAnObject),
            ("[]", Rejection::NotAnObject),
            ("1 2 3", Rejection::NotAnObject),
            ("", Rejection::NotJson),
            ("\0\0", Rejection::NotJson),
            ("{} {}", Rejection::NotJson),
            (r#"{"ip":"::1"}"#, Rejection::MissingField),
        ] {
            assert_eq!(
                read(frame.as_bytes()),
                [(Err(reason), frame.to_owned())],
                "{frame:?}"
            );
        }
    }

    #[test]
    fn rejections_of_one_frame_are_limited() {
        let nonsense = "7,".repeat(10_000);
        let parts = read(format!("[{nonsense}{FIRST}]").as_bytes());
        assert_eq!(parts.len(), MAX_REJECTED_PARTS + 1);
        let nonsense = "?\n".repeat(10_000);
        let parts = read(format!("{FIRST}\n{nonsense}").as_bytes());
        assert_eq!(parts.len(), MAX_REJECTED_PARTS + 1);
    }
}
