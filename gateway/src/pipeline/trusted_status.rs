//! Decides which statuses are trusted: those of limited size that match their subject and have possible figures. Pure.
//!
//! NATS lets each user publish only below its own process's subject. So a compromised process can impersonate processes of
//! its own kind only.

use protocol::status::Status;
use protocol::subject;
use serde_json::Value;

/// The largest status, in bytes. The sample of waiting sessions takes up to 18 KiB of it.
pub const MAX_BYTES: usize = 32 * 1024;

/// The longest text in a status, in bytes; longer ones are truncated, because every client gets each text once a second.
const MAX_TEXT: usize = 1_024;

/// The largest figure that every reader of JSON can hold (RFC 8259, section 6).
const MAX_FIGURE: f64 = 9_007_199_254_740_991.0;

/// Why a status is ignored.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// It has too many bytes.
    #[error("a status of {0} bytes is too large")]
    TooLarge(usize),
    /// It cannot be parsed, perhaps because another release sent it.
    #[error("a status cannot be parsed: {0}")]
    NotUnderstood(#[from] serde_json::Error),
    /// A figure is impossibly large.
    #[error("a status has an impossible figure")]
    Impossible,
    /// Its process is not the one that its subject names.
    #[error("a status does not match its subject")]
    OtherSubject,
}

/// Reads a status that arrived on a subject.
///
/// # Errors
/// Fails if it is not trusted.
pub fn read(on_subject: &str, payload: &[u8]) -> Result<Status, Untrusted> {
    if payload.len() > MAX_BYTES {
        return Err(Untrusted::TooLarge(payload.len()));
    }
    let mut value: Value = serde_json::from_slice(payload)?;
    if !bring_within_bounds(&mut value) {
        return Err(Untrusted::Impossible);
    }
    let status: Status = serde_json::from_value(value)?;
    if subject::status(status.figures.process(), &status.instance) != on_subject {
        return Err(Untrusted::OtherSubject);
    }
    Ok(status)
}

/// Truncates long texts. Returns whether all figures are possible.
fn bring_within_bounds(value: &mut Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => number.as_f64().is_some_and(|figure| figure.abs() <= MAX_FIGURE),
        Value::String(text) => {
            text.truncate(text.floor_char_boundary(MAX_TEXT));
            true
        }
        Value::Array(values) => values.iter_mut().all(bring_within_bounds),
        Value::Object(fields) => fields.values_mut().all(bring_within_bounds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Timestamp;
    use protocol::sample::Sample;
    use protocol::status::{EnricherFigures, Figures};
    use serde_json::json;

    fn status() -> Value {
        let status = Status {
            figures: Figures::Enricher(EnricherFigures::default()),
            instance: "host-1".into(),
            at: Timestamp::from_unix_ms(1),
            started_at: Timestamp::from_unix_ms(1),
            ready: true,
            reason: None,
            stopping: None,
            clock_offset_seconds: None,
        };
        serde_json::to_value(status).unwrap()
    }

    fn read_changed(change: impl FnOnce(&mut Value)) -> Result<Status, Untrusted> {
        let mut value = status();
        change(&mut value);
        read("visitor.status.enricher.host-1", value.to_string().as_bytes())
    }

    #[test]
    fn a_status_must_match_its_subject() {
        assert!(read_changed(|_| ()).is_ok());
        for on_subject in [
            "visitor.status.enricher.host-2",
            "visitor.status.gateway.host-1",
            "visitor.status.enricher.host-1.x",
            "visitor.status.enricher",
        ] {
            let read = read(on_subject, status().to_string().as_bytes());
            assert!(matches!(read, Err(Untrusted::OtherSubject)), "{on_subject}");
        }
    }

    #[test]
    fn a_status_is_small() {
        let read = read_changed(|value| value["padding"] = "x".repeat(MAX_BYTES).into());
        assert!(matches!(read, Err(Untrusted::TooLarge(_))));
        let read = read_changed(|value| value["reason"] = "ä".repeat(1_000).into());
        assert_eq!(read.unwrap().reason.unwrap().len(), MAX_TEXT);
    }

    #[test]
    fn figures_must_be_possible() {
        for figure in [json!(u64::MAX), json!(1e300), json!(-1e300), json!(1_u64 << 54)] {
            let read = read_changed(|value| value["lookups"]["spent"] = figure.clone());
            assert!(matches!(read, Err(Untrusted::Impossible)), "{figure}");
        }
        for text in ["", "null", "[]", "{}", "{\"process\":\"enricher\"}", "1e999"] {
            let read = read("visitor.status.enricher.host-1", text.as_bytes());
            assert!(read.is_err(), "{text}");
        }
    }

    #[test]
    fn the_largest_sample_fits() {
        for count in [0, 1_024, 4_096] {
            let sample = Sample::of((0..count).map(|n| (1 << 51) + n));
            let read = read_changed(|value| value["unidentified"] = serde_json::to_value(&sample).unwrap());
            let Ok(Status {
                figures: Figures::Enricher(figures),
                ..
            }) = read
            else {
                panic!("{count}: {read:?}");
            };
            assert_eq!(figures.unidentified, Some(sample));
        }
    }
}
