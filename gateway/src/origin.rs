//! Whether a request was made by a page of ours. Browsers say whose page makes it; programs need not say anything.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

/// The origins of pages that may read from us, besides our own. Clones share them.
#[derive(Clone, Debug)]
pub struct Origins(Arc<[url::Origin]>);

/// An origin as `--allowed-origin` takes it: `https://visitors.example`.
///
/// # Errors
/// Where it is none, or there is more than that.
pub fn parse(text: &str) -> Result<url::Origin, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let origin = url.origin();
    if !origin.is_tuple() || origin.ascii_serialization() != text.trim_end_matches('/') {
        return Err("an origin is a scheme, a host and a port, such as https://visitors.example".into());
    }
    Ok(origin)
}

impl Origins {
    /// These and our own.
    pub fn new(allowed: &[url::Origin]) -> Self {
        Self(allowed.into())
    }

    /// Our own is the one whose host and port the request itself is for. The scheme is left out of it, since a proxy
    /// before us may speak TLS for us.
    fn may(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else {
            return true;
        };
        let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else {
            return false;
        };
        self.0.contains(&origin.origin()) || is_own(&origin, headers)
    }
}

fn is_own(origin: &Url, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let asked = host.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    asked.is_some_and(|asked| asked.origin().is_tuple() && asked.origin() == origin.origin())
}

/// Refuses what pages of others want from us.
pub async fn check(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    if origins.may(request.headers()) {
        next.run(request).await
    } else {
        (
            StatusCode::FORBIDDEN,
            "Only our own pages may ask, and those of --allowed-origin.\n",
        )
            .into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn may(host: &str, origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        Origins::new(&[parse("https://portal.example").unwrap()]).may(&headers)
    }

    #[test]
    fn our_own_pages_and_those_that_are_allowed() {
        for (host, origin) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("visitors.example", "https://visitors.example"),
            ("visitors.example:443", "https://visitors.example"),
            ("VISITORS.example", "http://visitors.example"),
            ("[::1]:3000", "http://[::1]:3000"),
            ("127.0.0.1:3000", "https://portal.example"),
        ] {
            assert!(may(host, origin), "{origin} at {host}");
        }
    }

    #[test]
    fn nobody_elses() {
        for (host, origin) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3001"),
            ("127.0.0.1:3000", "http://localhost:3000"),
            ("visitors.example", "https://visitors.example.evil.example"),
            ("visitors.example", "https://evil.example/visitors.example"),
            ("visitors.example", "https://visitors.example:8443"),
            ("127.0.0.1:3000", "http://portal.example"),
            ("127.0.0.1:3000", "null"),
            ("127.0.0.1:3000", ""),
            ("127.0.0.1:3000", "file://"),
            ("", "file://"),
            ("127.0.0.1:3000", "data:text/html,x"),
        ] {
            assert!(!may(host, origin), "{origin} at {host}");
        }
    }

    #[test]
    fn programs_need_not_say() {
        assert!(Origins::new(&[]).may(&HeaderMap::new()));
    }

    #[test]
    fn an_origin_and_nothing_more() {
        assert!(parse("https://portal.example:8443").is_ok());
        for text in [
            "portal.example",
            "https://portal.example/path",
            "data:x",
            "*",
            "https://",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
