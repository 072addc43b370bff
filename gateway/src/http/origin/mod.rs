//! Decides whether a request comes from our own page. Browsers name the origin of the page; API clients need not.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service::log_throttle::LogThrottle;
use url::Url;

use crate::http::proxy::X_FORWARDED_HOST;

/// The relation of the page that makes a request to us (Fetch Metadata Request Headers, section 2.3). No page can set it,
/// and no proxy changes it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may make requests, besides our own. Clones share them.
#[derive(Clone, Debug)]
pub struct Origins(Arc<[url::Origin]>);

/// Reads a value of `--allowed-origin`, such as `https://visitors.example`.
///
/// # Errors
/// Fails if it is not an origin, or more than that.
pub fn parse(text: &str) -> Result<url::Origin, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let origin = url.origin();
    if !origin.is_tuple() || origin.ascii_serialization() != text.trim_end_matches('/') {
        return Err("an origin is a scheme, a host and a port, such as https://visitors.example".into());
    }
    Ok(origin)
}

impl Origins {
    /// Allows these and our own.
    pub fn new(allowed: &[url::Origin]) -> Self {
        Self(allowed.into())
    }

    /// `Sec-Fetch-Site` is right even if a proxy changes the host. Without it, as without TLS, the origin must have the host
    /// and port of the request.
    ///
    /// The files of the page hold nothing secret, and other sites cannot read them, so they are served to everybody: a
    /// proxy that changes the host must not make the page white.
    fn allows(&self, method: &Method, path: &str, headers: &HeaderMap) -> bool {
        if method.is_safe() && !is_protected(path) {
            return true;
        }
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        let origin = headers.get(ORIGIN).map(|origin| {
            let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
            origin.filter(|origin| origin.origin().is_tuple())
        });
        match (site, origin) {
            // Without an origin, the request comes from the address bar or from an API client.
            (Some(b"same-origin"), _) | (Some(b"none") | None, None) => true,
            (_, Some(Some(origin))) if self.0.contains(&origin.origin()) => true,
            (Some(b"none") | None, Some(Some(origin))) => is_own(&origin, headers),
            // Links to our page work. Requests of other sites that change something do not.
            (Some(_), None) => method.is_safe(),
            (_, Some(_)) => false,
        }
    }
}

/// Whether answers to this path depend on who is on the website.
fn is_protected(path: &str) -> bool {
    path == "/ws" || path == "/api" || path.starts_with("/api/")
}

/// Ignores the scheme, because a proxy may serve TLS for us.
fn is_own(origin: &Url, headers: &HeaderMap) -> bool {
    let hosts = [HOST, X_FORWARDED_HOST]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok());
    hosts.flat_map(|hosts| hosts.split(',')).any(|host| {
        let asked = Url::parse(&format!("{}://{}", origin.scheme(), host.trim())).ok();
        asked.is_some_and(|asked| asked.origin().is_tuple() && asked.origin() == origin.origin())
    })
}

/// Refuses requests of pages of other sites.
pub async fn check(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    if origins.allows(request.method(), request.uri().path(), request.headers()) {
        next.run(request).await
    } else {
        static REFUSED: LogThrottle = LogThrottle::new();
        if let Some(suppressed) = REFUSED.allow() {
            tracing::warn!(
                suppressed,
                origin = ?request.headers().get(ORIGIN),
                host = ?request.headers().get(HOST),
                "refused a request of another site's page; if the two are one site, a proxy changes the host"
            );
        }
        (
            StatusCode::FORBIDDEN,
            "Refused: the request comes from a page of another site. If a proxy in front of the gateway changes the host, \
             let it pass on the Host header, or X-Forwarded-Host and name it in --trusted-proxies, or name the page's \
             origin with --allowed-origin.\n",
        )
            .into_response()
    }
}

#[cfg(test)]
mod tests;
