//! The demonstration shop: a few static pages with the tracker.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

const STYLE: &str = include_str!("../../demo/style.css");

const SHOP: &str = include_str!("../../demo/shop.js");

/// The pages, by their paths.
const PAGES: [(&str, &str); 5] = [
    ("/demo", include_str!("../../demo/index.html")),
    ("/demo/first-flush", include_str!("../../demo/first-flush.html")),
    ("/demo/night-oolong", include_str!("../../demo/night-oolong.html")),
    ("/demo/stone-cup", include_str!("../../demo/stone-cup.html")),
    ("/demo/basket", include_str!("../../demo/basket.html")),
];

/// As strict as a website can be. The tracker works under it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the shop, whose pages load the tracker from `script_path`.
pub fn routes(script_path: &str) -> Router {
    let shop = PAGES.iter().fold(Router::new(), |router, (path, page)| {
        let page = page.replace("{{tracker}}", script_path);
        router.route(path, get(async move || answer("text/html; charset=utf-8", page)))
    });
    shop.route("/demo/style.css", get(async || answer("text/css", STYLE)))
        .route("/demo/shop.js", get(async || answer("text/javascript", SHOP)))
}

fn answer(media_type: &'static str, body: impl IntoResponse) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, body)
}
