//! Reads the URLs in flags. The URL parsers alone accept hosts that cannot exist.

use std::net::IpAddr;

use url::{Host, Url};

/// Reads an HTTP URL.
///
/// # Errors
/// Fails if the text is not such a URL, or names an impossible host.
pub fn http_url(text: &str) -> Result<Url, String> {
    url(text, &["http", "https"])
}

/// Reads a URL with one of these schemes. The URL parser alone accepts `ws://a;b` and `ws://a,ws//b`.
///
/// # Errors
/// Fails if the text is not such a URL, or names an impossible host.
pub fn url(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !schemes.contains(&url.scheme()) {
        return Err(format!("must begin with {}://", schemes.join(":// or ")));
    }
    match url.host() {
        Some(Host::Domain(host)) if !is_host_name(host) => Err(format!("{host:?} is not a valid host name")),
        Some(_) => Ok(url),
        None => Err("has no host".to_owned()),
    }
}

/// Reads the address of one NATS server.
///
/// # Errors
/// Fails if the text is not an address, or names an impossible host.
pub fn nats_url(text: &str) -> Result<async_nats::ServerAddr, String> {
    let address: async_nats::ServerAddr = text.parse().map_err(|error| format!("{error}"))?;
    let host = address.host().trim_matches(['[', ']']);
    if is_host_name(host) || host.parse::<IpAddr>().is_ok() {
        Ok(address)
    } else {
        Err("has no host".to_owned())
    }
}

/// Whether the text consists of labels of letters, digits, `-` and `_`. Container networks use `_`.
fn is_host_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| matches!(byte, b'-' | b'_') || byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nats_urls_name_a_host() {
        for text in [
            "nats://127.0.0.1:4222",
            "localhost",
            "tls://[::1]:4222",
            "nats://user:word@nats-0.nats_svc:4222",
        ] {
            assert!(nats_url(text).is_ok(), "{text}");
        }
        for text in ["", ";", "a;b", "nats://", "nats://a..b", "a b"] {
            assert!(nats_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn urls_name_a_host_and_have_the_scheme() {
        for text in [
            "http://a_b.internal:80/x",
            "https://[::1]/",
            "http://münchen.example",
            "http://127.0.0.1:4830/d",
        ] {
            assert!(http_url(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "a",
            "ftp://a",
            "http://",
            "http://a;b/",
            "http://a,b",
            "http://a:99999",
            "http://a..b",
        ] {
            assert!(http_url(text).is_err(), "{text}");
        }
    }
}
