//! Tells browsers how long to cache the files of the page.
//!
//! Without the header they may show a page for a tenth of its age without a request (RFC 9111, section 4.2.2), even after
//! a log-out or with scripts that an update has removed.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::Response;

/// The folder of files whose names change with their content.
const BUILT: &str = "/assets/";

/// Adds the header to the response with a file.
pub async fn tell_browser(request: Request, next: Next) -> Response {
    let is_built = request.uri().path().starts_with(BUILT);
    let mut response = next.run(request).await;
    let content_type = response.headers().get(CONTENT_TYPE);
    // The response to a request for a missing file is the page.
    let is_page = content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let kept = if is_built && !is_page && response.status().is_success() {
        "private, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
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
            .route("/assets/index-0.js", get(move || file("text/html")))
            .layer(from_fn(tell_browser));
        for (path, kept) in [
            ("/", "no-cache"),
            ("/favicon.svg", "no-cache"),
            ("/assets/index-1.js", "private, max-age=31536000, immutable"),
            ("/assets/index-0.js", "no-cache"),
            ("/assets/missing.js", "no-cache"),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = files.call(request).await.unwrap();
            assert_eq!(response.headers()[CACHE_CONTROL], kept, "{path}");
        }
    }
}
