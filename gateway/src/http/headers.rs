//! Security headers of every response.

use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// The page loads nothing from other sites, and no site may frame it.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                           form-action 'self'; frame-ancestors 'none'";

/// The page uses no device of the computer.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// No other site learns the address of the page, which may contain a search. It is not `no-referrer`, because browsers
/// would then send `Origin: null` with a form (Fetch, "append a request `Origin` header").
const REFERRERS: &str = "same-origin";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, PAGE_POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, REFERRERS),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

/// Whether the gateway serves TLS, so that browsers can be told to require it.
#[derive(Clone, Copy)]
pub struct Encrypted(pub bool);

/// Makes one line of several `Connection` headers (RFC 9110, section 5.2), because the WebSocket's handshake reads only the
/// first one.
pub async fn join_connection(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    let lines: Vec<_> = headers.get_all(CONNECTION).iter().collect();
    if lines.len() > 1 {
        let bytes: Vec<_> = lines.into_iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&bytes.join(&b", "[..])) {
            headers.insert(CONNECTION, joined);
        }
    }
    next.run(request).await
}

/// Adds the headers to a response.
pub async fn harden(State(Encrypted(encrypted)): State<Encrypted>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if encrypted {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    response
}
