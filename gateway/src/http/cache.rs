//! Tells browsers how long to cache the files of the page.
//!
//! Without the header they may show a page for a tenth of its age without a request (RFC 9111, section 4.2.2), even after
//! a log-out or with scripts that an update has removed.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG};
use axum::middleware::Next;
use axum::response::Response;

/// The folder of files whose names change with their content.
const BUILT: &str = "/assets/";

/// Adds the header to the response with a file.
pub async fn tell_browser(request: Request, next: Next) -> Response {
    let is_built = request.uri().path().starts_with(BUILT);
    let mut response = next.run(request).await;
    let kept = if is_built && response.status().is_success() {
        "private, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

/// Marks the entity tag of a compressed file as weak: it names the file, not its compressed bytes (RFC 9110, section
/// 8.8.3.3).
pub async fn weaken_etag(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if headers.contains_key(CONTENT_ENCODING)
        && let Some(strong) = headers.get(ETAG).map(HeaderValue::as_bytes)
        && !strong.starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", strong].concat())
    {
        headers.insert(ETAG, weak);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::header::CONTENT_TYPE;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower_service::Service as _;

    #[tokio::test]
    async fn only_files_with_a_name_of_their_own_are_kept() {
        let file = async |kind| ([(CONTENT_TYPE, kind)], "");
        let mut files = Router::new()
            .route("/", get(move || file("text/html; charset=utf-8")))
            .route("/favicon.svg", get(move || file("image/svg+xml")))
            .route("/assets/index-1.js", get(move || file("text/javascript")))
            .layer(from_fn(tell_browser));
        for (path, kept) in [
            ("/", "no-cache"),
            ("/favicon.svg", "no-cache"),
            ("/assets/index-1.js", "private, max-age=31536000, immutable"),
            ("/assets/missing.js", "no-cache"),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = files.call(request).await.unwrap();
            assert_eq!(response.headers()[CACHE_CONTROL], kept, "{path}");
        }
    }
}
