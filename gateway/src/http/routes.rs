//! The routes of the gateway, and the checks in front of them.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{any, get};
use service::status_codes::StatusCodes;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;
use tower_http::timeout::TimeoutLayer;
use tower_service::Service as _;

use crate::http::api::{self, Api};
use crate::http::auth::access::Access;
use crate::http::auth::middleware::Gate;
use crate::http::auth::{login, middleware};
use crate::http::base_path::{BasePath, Destination};
use crate::http::headers::{self, Encrypted};
use crate::http::origin::{self, Origins};
use crate::http::proxy::{self, Trust};
use crate::http::rates::{self, Rates};
use crate::http::{cache, sessions, websocket};

/// How long a handler may take to produce its answer.
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
    /// The path under which browsers see the gateway.
    pub base: BasePath,
    /// The trusted proxies.
    pub trust: Trust,
    /// Whether everybody must be logged in at a proxy, or have the access token.
    pub users_only: bool,
}

/// The API, the WebSocket and the page behind all checks.
pub fn routes(api: Api, assets: &Path, guards: Guards) -> Router {
    let responses = api.metrics.responses.clone();
    let encrypted = Encrypted(guards.encrypted);
    let gate = Gate {
        access: guards.access.clone(),
        base: guards.base.clone(),
        users_only: guards.users_only,
    };
    let routes = Router::new()
        .route("/api/stats", get(api::stats))
        .route("/api/pipeline", get(api::pipeline))
        .route("/api/history", get(api::history))
        .route("/api/watchlist", get(api::watchlist))
        .route("/api/openapi.json", get(api::openapi))
        .route("/api", any(api::not_found))
        .route("/api/", any(api::not_found))
        .route("/api/{*path}", any(api::not_found))
        .merge(page(assets))
        .layer(CompressionLayer::new())
        .layer(from_fn(cache::weaken_etag))
        // `sessions` compresses a snapshot once for all clients, not once per request.
        .route("/api/sessions", get(sessions::sessions))
        .route(
            "/ws",
            get(websocket::upgrade).layer(from_fn(headers::join_connection)),
        )
        .with_state(api)
        .layer(from_fn_with_state(gate, middleware::check))
        .merge(login::routes(
            guards.access,
            guards.encrypted,
            guards.base.clone(),
        ))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            ANSWER_TIMEOUT,
        ))
        .layer(from_fn_with_state(guards.origins, origin::check))
        .layer(from_fn_with_state(guards.rates, rates::check))
        .layer(from_fn_with_state(guards.trust, proxy::see_through))
        .layer(from_fn_with_state(encrypted, headers::harden));
    below(guards.base, routes).layer(from_fn_with_state(responses, count))
}

async fn count(State(responses): State<StatusCodes>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    responses.count(response.status().as_u16());
    response
}

/// Serves the routes below the base path.
fn below(base: BasePath, routes: Router) -> Router {
    Router::new().fallback(
        async move |mut request: Request| match base.destination(request.uri()) {
            Destination::Redirect(path) => Redirect::permanent(&path).into_response(),
            Destination::Inside(uri) => {
                *request.uri_mut() = uri;
                let Ok(response) = routes.clone().call(request).await;
                response
            }
        },
    )
}

/// Serves the built page. Without one, `/` says how to build it.
fn page(assets: &Path) -> Router<Api> {
    if assets.join("index.html").is_file() {
        return Router::new()
            .fallback_service(ServeDir::new(assets))
            .layer(from_fn(cache::tell_browser));
    }
    let missing = format!(
        "There is no page in --assets {}: build it with `make build`.\n",
        assets.display()
    );
    tracing::warn!(assets = %assets.display(), "the page is not built; API and WebSocket are served without it");
    Router::new().route("/", get(async move || (StatusCode::NOT_FOUND, missing)))
}
