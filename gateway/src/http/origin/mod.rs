//! Whether a request was made by a page of ours. Browsers say whose page makes it; programs need not say anything.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

/// Says how the page that makes a request is related to us (Fetch Metadata Request Headers, section 2.3). No page can set
/// it, and no proxy changes it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host that the browser asked for, from a proxy that asks for another one. A page of another site cannot set it: that
/// needs a preflight request, which is not granted.
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

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

    /// What the browser says of the page is right whatever proxies do to the host. Where it says nothing, as to a host
    /// without TLS, the origin must have the host and port that the request is for.
    fn allows(&self, method: &Method, headers: &HeaderMap) -> bool {
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        let origin = headers.get(ORIGIN).map(|origin| {
            let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
            origin.filter(|origin| origin.origin().is_tuple())
        });
        match (site, origin) {
            // Without an origin: made by the person, not by a page; or by a program that need not say.
            (Some(b"same-origin"), _) | (Some(b"none") | None, None) => true,
            (_, Some(Some(origin))) if self.0.contains(&origin.origin()) => true,
            (Some(b"none") | None, Some(Some(origin))) => is_own(&origin, headers),
            // A link to our page is followed. What would change something is not done for a page of another site.
            (Some(_), None) => method.is_safe(),
            (_, Some(_)) => false,
        }
    }
}

/// The scheme is left out of it, since a proxy before us may speak TLS for us.
fn is_own(origin: &Url, headers: &HeaderMap) -> bool {
    let hosts = [HOST, X_FORWARDED_HOST]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok());
    hosts.flat_map(|hosts| hosts.split(',')).any(|host| {
        let asked = Url::parse(&format!("{}://{}", origin.scheme(), host.trim())).ok();
        asked.is_some_and(|asked| asked.origin().is_tuple() && asked.origin() == origin.origin())
    })
}

/// Refuses what pages of others want from us.
pub async fn check(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    if origins.allows(request.method(), request.headers()) {
        next.run(request).await
    } else {
        (
            StatusCode::FORBIDDEN,
            "Refused: the request comes from a page of another site. If a proxy in front of the gateway changes the host, \
             let it send X-Forwarded-Host, or name the page's origin with --allowed-origin.\n",
        )
            .into_response()
    }
}

#[cfg(test)]
mod tests;
