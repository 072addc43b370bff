//! The addresses of emitters on the command line.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use service::flags;
use url::Url;

/// The WebSocket of an emitter. Its path, query, user and password may be secret and appear in no text.
#[derive(Clone, PartialEq, Eq)]
pub struct EmitterUrl(Url);

impl EmitterUrl {
    /// The address itself, with its secrets.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// An address that was read elsewhere.
    ///
    /// # Errors
    /// Fails if it is not the address of a WebSocket.
    pub fn of(url: &Url) -> Result<Self, String> {
        url.as_str().parse()
    }

    /// Host and port.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Whether this is the emitter's host, or its host and port.
    pub fn is_at(&self, name: &str) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let forms = [host, host.trim_matches(['[', ']']), &self.host()];
        forms.iter().any(|form| name.eq_ignore_ascii_case(form))
    }
}

impl FromStr for EmitterUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        flags::url(text, &["ws", "wss"]).map(Self)
    }
}

impl fmt::Debug for EmitterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmitterUrl({})", self.host())
    }
}

/// A name for each emitter, for metrics and messages: its host and port, with a number if several have the same.
pub fn names(urls: &[EmitterUrl]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let hosts = urls.iter().map(EmitterUrl::host);
    let numbered = hosts.map(|host| {
        let number = seen.entry(host.clone()).or_default();
        *number += 1;
        match number {
            1 => host,
            number => format!("{host} ({number})"),
        }
    });
    numbered.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_websocket_urls() {
        for text in [
            "ws://127.0.0.1:8080",
            "wss://emitter.example/feed?x=1",
            "wss://user:word@[::1]",
        ] {
            assert!(text.parse::<EmitterUrl>().is_ok(), "{text}");
        }
        for text in ["http://127.0.0.1:8080", "ws://", "ws://a;b", "ws://a:99999", ""] {
            assert!(text.parse::<EmitterUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_tell_emitters_apart_without_their_secrets() {
        let texts = ["ws://a:1/x?token=t", "wss://user:word@b", "ws://a:1/y"];
        let urls = texts.map(|text| text.parse::<EmitterUrl>().unwrap());
        assert_eq!(names(&urls), ["a:1", "b:443", "a:1 (2)"]);
        assert!(!format!("{urls:?}").contains("word"));
    }
}
