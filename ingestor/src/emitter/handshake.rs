//! The request and the response of the WebSocket handshake (RFC 6455 section 4). Pure.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Request, Uri};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The request of a handshake with this key; `None` if the address cannot be requested.
pub fn request(uri: &Uri, key: &str, headers: &HeaderMap) -> Option<Request<Empty<Bytes>>> {
    let path = uri.path_and_query()?.clone();
    let mut request = Request::get(Uri::from(path))
        .header(HOST, host_header(uri)?)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .body(Empty::new())
        .ok()?;
    for (name, value) in headers {
        request.headers_mut().append(name, value.clone());
    }
    Some(request)
}

/// The host, with its port if that is not the scheme's own.
fn host_header(uri: &Uri) -> Option<HeaderValue> {
    let host = uri.host()?;
    let text = uri
        .port_u16()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    text.parse().ok()
}

/// Checks the headers of a response with status 101.
///
/// # Errors
/// Fails with what is wrong.
pub fn check(headers: &HeaderMap, key: &str) -> Result<(), &'static str> {
    if !has_token(headers, &UPGRADE, "websocket") {
        return Err("its response lacks `Upgrade: websocket`");
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err("its response lacks `Connection: Upgrade`");
    }
    let accept = headers.get(SEC_WEBSOCKET_ACCEPT);
    if accept.is_none_or(|accept| accept.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err("its Sec-WebSocket-Accept does not match our key");
    }
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err("it uses an extension that we did not offer");
    }
    Ok(())
}

/// Whether one of the comma-separated values of a header is this token, in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lines = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut tokens = lines.flat_map(|line| line.split(','));
    tokens.any(|found| found.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alive_beside_upgrade_is_accepted() {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, "WebSocket".parse().unwrap());
        headers.insert(CONNECTION, "keep-alive, Upgrade".parse().unwrap());
        headers.insert(SEC_WEBSOCKET_ACCEPT, derive_accept_key(b"k").parse().unwrap());
        assert_eq!(check(&headers, "k"), Ok(()));
        assert!(check(&headers, "other").is_err());
        headers.insert(CONNECTION, "keep-alive".parse().unwrap());
        assert!(check(&headers, "k").is_err());
    }

    #[test]
    fn host_has_a_port_only_if_the_address_has_one() {
        let uri: Uri = "https://a.example/feed".parse().unwrap();
        assert_eq!(host_header(&uri).unwrap(), "a.example");
        assert_eq!(
            host_header(&"http://[::1]:8080/".parse().unwrap()).unwrap(),
            "[::1]:8080"
        );
    }
}
