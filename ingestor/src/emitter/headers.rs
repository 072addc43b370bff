//! The headers of the handshake that `--emitter-headers-file` and the user and password in the URL add.

use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use url::Url;

/// Headers that the handshake itself sets.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
];

/// Reads a file with one `Name: value` per line. Blank lines and lines that begin with `#` are skipped.
///
/// # Errors
/// Fails if the file cannot be read or a line is not a header. The error names the line by its number, because its text may
/// be secret.
pub fn read(file: &Path) -> anyhow::Result<HeaderMap> {
    let cannot_use = || format!("cannot use --emitter-headers-file {}", file.display());
    let text = std::fs::read_to_string(file).with_context(cannot_use)?;
    parse(&text).with_context(cannot_use)
}

fn parse(text: &str) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()));
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let header = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            let mut value: HeaderValue = value.trim().parse().ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        let Some((name, value)) = header else {
            bail!("line {number} is not of the form `Name: value`");
        };
        if RESERVED.contains(&name.as_str()) {
            bail!("line {number}: the handshake itself sets {name}");
        }
        headers.append(name, value);
    }
    Ok(headers)
}

/// User and password of the URL as Basic credentials (RFC 7617), if it has any.
pub fn basic(url: &Url) -> Option<(HeaderName, HeaderValue)> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<_>>();
    let pair = [
        decoded(url.username()),
        b":".to_vec(),
        decoded(url.password().unwrap_or_default()),
    ]
    .concat();
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some((AUTHORIZATION, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_header_per_line() {
        let headers = parse("# key\nX-Api-Key:  s3cret:1 \r\n\nX-Api-Key: 2\n").unwrap();
        assert_eq!(
            headers.get_all("x-api-key").iter().collect::<Vec<_>>(),
            ["s3cret:1", "2"]
        );
    }

    #[test]
    fn errors_name_the_line_and_keep_its_text_secret() {
        for text in [
            "a: 1\ns3cret",
            "a: 1\ns3 cret: 2",
            "a: 1\nb: s3cret\u{1}",
            "a: 1\nHost: s3cret",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("line 2") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn user_and_password_are_sent_as_basic_credentials() {
        let of = |text: &str| basic(&text.parse().unwrap()).map(|(_, value)| value);
        assert_eq!(
            of("ws://Aladdin:open%20sesame@a").unwrap(),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert!(of("ws://a").is_none());
    }
}
