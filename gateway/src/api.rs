//! HTTP: the API, the WebSocket's door, and the page.

use std::path::Path;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};

use crate::access::{self, Access};
use crate::gauges::Gauges;
use crate::hub::{Hub, NotReady};
use crate::socket::{Client, MAX_REQUEST};

/// The page needs nothing from elsewhere, and nobody may put it into a frame.
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                           form-action 'self'; frame-ancestors 'none'";

/// What the routes need.
#[derive(Clone)]
pub struct Api {
    /// The view.
    pub hub: Hub,
    /// The figures.
    pub gauges: Arc<Gauges>,
    /// Ends the WebSocket clients, which no graceful shutdown of the server knows of.
    pub shutdown: CancellationToken,
    /// The WebSocket clients.
    pub clients: TaskTracker,
}

/// The API, the WebSocket and the page, for those who may see them.
pub fn routes(api: Api, assets: &Path, access: Access) -> Router {
    Router::new()
        .route("/api/sessions", get(sessions))
        .route("/api/stats", get(stats))
        .route("/api/pipeline", get(pipeline))
        .merge(page(assets))
        .layer(CompressionLayer::new())
        .route("/ws", get(socket))
        .with_state(api)
        .layer(middleware::from_fn_with_state(access, access::check))
        .layer(middleware::from_fn(harden))
}

/// The built page; without it `/` says what is missing.
fn page(assets: &Path) -> Router<Api> {
    let index = assets.join("index.html");
    if index.is_file() {
        return Router::new().fallback_service(ServeDir::new(assets).fallback(ServeFile::new(index)));
    }
    let missing = format!(
        "There is no page in --assets {}: build it with `make build`.\n",
        assets.display()
    );
    tracing::warn!(assets = %assets.display(), "there is no page to serve; API and WebSocket work all the same");
    Router::new().route("/", get(async move || (StatusCode::NOT_FOUND, missing)))
}

async fn sessions(State(api): State<Api>) -> Result<impl IntoResponse, NotReady> {
    let snapshot = api.hub.snapshot().await?;
    Ok(([(CONTENT_TYPE, "application/json")], snapshot.text.to_string()))
}

async fn stats(State(api): State<Api>) -> Result<impl IntoResponse, NotReady> {
    Ok(Json(api.hub.stats().await?))
}

async fn pipeline(State(api): State<Api>) -> Result<impl IntoResponse, NotReady> {
    Ok(Json(api.hub.pipeline().await?))
}

async fn socket(State(api): State<Api>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(MAX_REQUEST)
        .max_frame_size(MAX_REQUEST)
        .on_upgrade(async move |socket| {
            let client = Client::serve(socket, api.hub, api.gauges, api.shutdown);
            api.clients.track_future(client).await;
        })
}

impl IntoResponse for NotReady {
    fn into_response(self) -> Response {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "error": self.to_string() })),
        )
            .into_response()
    }
}

async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
