//! What a provider answers in the rows.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;
use e2e::processes::Reply;
use serde_json::json;

/// A whole answer of the Deanonymizer.
pub(super) fn whole(ip: &str) -> serde_json::Value {
    json!({ "ip": ip, "data": {
        "company": { "guid": "7b1d3c52-6f0e-4e0b-9a5e-0c8a5a4f1d11", "name": "Lumen", "domain": "lumen.example" },
        "contact": {
            "guid": "2f6d1a34-4a0f-4d5e-8a2b-6b1c0d9e7f22", "name": "Ada Quill", "title": "CTO",
            "emailAddresses": ["ada@lumen.example"], "phoneNumbers": ["+1 555 0100"],
        },
    } })
}

/// The same in the form of the provider file.
pub(super) fn whole_of_file() -> serde_json::Value {
    json!({
        "company": { "name": "Lumen", "domain": "lumen.example" },
        "person": { "name": "Ada Quill", "title": "CTO" },
    })
}

pub(super) fn with(ip: &str, pointer: &str, value: serde_json::Value) -> String {
    let mut body = whole(ip);
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value;
    }
    body.to_string()
}

pub(super) fn good(ip: &str) -> Reply {
    Reply::json(&whole(ip).to_string())
}

pub(super) fn encoded(ip: &str, name: &str, encode: fn(&[u8]) -> Result<Vec<u8>>) -> Reply {
    let body = encode(whole(ip).to_string().as_bytes()).unwrap_or_default();
    Reply::new(200, &format!("content-encoding: {name}\r\n"), &body)
}

pub(super) fn gzip(body: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body)?;
    Ok(encoder.finish()?)
}

pub(super) fn deflate(body: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body)?;
    Ok(encoder.finish()?)
}

pub(super) fn statuses<const N: usize>(statuses: [u16; N]) -> Vec<Reply> {
    statuses.map(|status| Reply::new(status, "", b"no")).into()
}

/// What the provider asks for where a row has a `Retry-After`.
pub(super) const WAIT: Duration = Duration::from_secs(2);

/// How much later a date is, since it passes meanwhile and has no fractions of a second.
pub(super) const SLACK: Duration = Duration::from_secs(4);

pub(super) fn with_wait<const N: usize>(statuses: [u16; N]) -> Vec<Reply> {
    let header = format!("retry-after: {}\r\n", WAIT.as_secs());
    statuses.map(|status| Reply::new(status, &header, b"no")).into()
}
