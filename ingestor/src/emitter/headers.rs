//! The headers of the handshake that `--emitter-headers-file` and the user and password in the URL add.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::emitter::address::EmitterUrl;

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

/// The file of `--emitter-headers-file`.
#[derive(Clone, Debug)]
pub struct HeadersFile {
    /// Where it is.
    pub path: PathBuf,
    /// All emitters of `--emitter-url`.
    pub emitters: Vec<EmitterUrl>,
}

impl HeadersFile {
    /// Reads the headers for one of the emitters. Each line is a header, `Name: value`, or names the host that the headers
    /// below it are for, `[host]` or `[host:port]`. Blank lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// Fails if the file cannot be read, if a line is neither, or if it does not say which of several hosts a header is for.
    /// The error names the line by its number, because its text may be secret.
    pub fn read(&self, emitter: &EmitterUrl) -> anyhow::Result<HeaderMap> {
        let cannot_use = || format!("cannot use --emitter-headers-file {}", self.path.display());
        let text = std::fs::read_to_string(&self.path).with_context(cannot_use)?;
        parse(&text, emitter, &self.emitters).with_context(cannot_use)
    }
}

fn parse(text: &str, emitter: &EmitterUrl, emitters: &[EmitterUrl]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut host = None;
    let lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()));
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let in_brackets = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = in_brackets {
            if !emitters.iter().any(|emitter| emitter.is_at(name)) {
                bail!("line {number} names none of the emitters {}", names(emitters));
            }
            host = Some(name);
            continue;
        }
        let (name, value) = header(line, number)?;
        if host.is_none() && !have_one_host(emitters) {
            bail!(
                "line {number} does not say which of the emitters {} the header is for. Put a line such as `[{}]` before \
                 the headers of each",
                names(emitters),
                emitter.host()
            );
        }
        if host.is_none_or(|host| emitter.is_at(host)) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// The header on a line.
fn header(line: &str, number: usize) -> anyhow::Result<(HeaderName, HeaderValue)> {
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
    Ok((name, value))
}

fn have_one_host(emitters: &[EmitterUrl]) -> bool {
    let mut hosts = emitters.iter().map(|emitter| emitter.url().host());
    let first = hosts.next();
    hosts.all(|host| Some(host) == first)
}

fn names(emitters: &[EmitterUrl]) -> String {
    emitters
        .iter()
        .map(EmitterUrl::host)
        .collect::<Vec<_>>()
        .join(", ")
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

    /// The values of `x-api-key` for the first of the emitters.
    fn keys(text: &str, emitters: &[&str]) -> anyhow::Result<Vec<String>> {
        let emitters: Vec<EmitterUrl> = emitters.iter().map(|url| url.parse().unwrap()).collect();
        let headers = parse(text, &emitters[0], &emitters)?;
        let values = headers.get_all("x-api-key").iter();
        Ok(values.map(|value| value.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn one_header_per_line() {
        let text = "# key\nX-Api-Key:  s3cret:1 \r\n\nX-Api-Key: 2\n";
        assert_eq!(keys(text, &["ws://a"]).unwrap(), ["s3cret:1", "2"]);
        assert_eq!(keys(text, &["ws://a:1/x", "wss://A:2/y"]).unwrap().len(), 2);
    }

    #[test]
    fn each_host_gets_only_its_own_headers() {
        let text = "[a.example]\nX-Api-Key: a\n[B.example:8443]\nX-Api-Key: b\n[::1]\nX-Api-Key: c\n[[::1]:82]\nX-Api-Key: d";
        let urls = [
            "wss://a.example/feed",
            "wss://b.example:8443",
            "ws://[::1]",
            "ws://[::1]:82",
            "ws://b.example",
        ];
        let expected: [&[&str]; 5] = [&["a"], &["b"], &["c"], &["c", "d"], &[]];
        for (number, expected) in expected.into_iter().enumerate() {
            let mut urls = urls;
            urls.swap(0, number);
            assert_eq!(keys(text, &urls).unwrap(), expected, "{}", urls[0]);
        }
    }

    #[test]
    fn several_hosts_need_a_line_that_says_which_a_header_is_for() {
        let error = |text| keys(text, &["ws://a", "wss://b:8443"]).unwrap_err().to_string();
        assert_eq!(
            error("X-Api-Key: s3cret\n[b:8443]\nX-Api-Key: b"),
            "line 1 does not say which of the emitters a:80, b:8443 the header is for. Put a line such as `[a:80]` before \
             the headers of each"
        );
        assert_eq!(
            error("[a]\nX-Api-Key: a\n[s3cret]\nX-Api-Key: b"),
            "line 3 names none of the emitters a:80, b:8443"
        );
    }

    #[test]
    fn errors_name_the_line_and_keep_its_text_secret() {
        for text in [
            "a: 1\ns3cret",
            "a: 1\ns3 cret: 2",
            "a: 1\nb: s3cret\u{1}",
            "a: 1\nHost: s3cret",
            "a: 1\n[s3cret",
        ] {
            let error = keys(text, &["ws://a"]).unwrap_err().to_string();
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
