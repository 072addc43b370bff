//! The routes of the gateway, and the checks in front of them.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};
use tower_http::timeout::TimeoutLayer;

use crate::http::api::{self, Api};
use crate::http::auth::access::Access;
use crate::http::auth::{login, middleware};
use crate::http::headers::{self, Encrypted};
use crate::http::origin::{self, Origins};
use crate::http::rates::{self, Rates};
use crate::http::{cache, sessions, websocket};

/// How long a handler may take to make its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The checks that each request passes before it reaches a handler.
pub struct Guards {
    /// Access tokens and cookies.
    pub access: Access,
    /// Sites whose pages may make requests.
    pub origins: Origins,
    /// Requests per address.
    pub rates: Rates,
    /// Whether the gateway itself serves TLS.
    pub encrypted: bool,
}

/// The API, the WebSocket and the page behind all checks.
pub fn routes(api: Api, assets: &Path, guards: Guards) -> Router {
    let encrypted = Encrypted(guards.encrypted);
    Router::new()
        .route("/api/stats", get(api::stats))
        .route("/api/pipeline", get(api::pipeline))
        .route("/api/watchlist", get(api::watchlist))
        .merge(page(assets))
        .layer(CompressionLayer::new())
        // `sessions` compresses a snapshot once for all clients, not once per request.
        .route("/api/sessions", get(sessions::sessions))
        .route("/ws", get(websocket::upgrade))
        .with_state(api)
        .layer(from_fn_with_state(guards.access.clone(), middleware::check))
        .merge(login::routes(guards.access, guards.encrypted))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            ANSWER_TIMEOUT,
        ))
        .layer(from_fn_with_state(guards.origins, origin::check))
        .layer(from_fn_with_state(guards.rates, rates::check))
        .layer(from_fn_with_state(encrypted, headers::harden))
}

/// Serves the built page. Without one, `/` says how to build it.
fn page(assets: &Path) -> Router<Api> {
    let index = assets.join("index.html");
    if index.is_file() {
        let files = ServeDir::new(assets).fallback(ServeFile::new(index));
        return Router::new()
            .fallback_service(files)
            .layer(from_fn(cache::tell_browser));
    }
    let missing = format!(
        "There is no page in --assets {}: build it with `make build`.\n",
        assets.display()
    );
    tracing::warn!(assets = %assets.display(), "the page is not built; API and WebSocket are served without it");
    Router::new().route("/", get(async move || (StatusCode::NOT_FOUND, missing)))
}
