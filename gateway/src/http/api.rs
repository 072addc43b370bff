//! HTTP: the API, the WebSocket's door, and the page.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use axum_tws::{Limits, WebSocketUpgrade};
use serde_json::json;
use service::{Connection, Room};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};
use tower_http::timeout::TimeoutLayer;

use crate::gauges::Gauges;
use crate::http::auth::access::{self, Access};
use crate::http::auth::login;
use crate::http::cache;
use crate::http::headers::{self, Encrypted};
use crate::http::origin::{self, Origins};
use crate::http::rates::{self, Rates};
use crate::http::sessions::{self, Answers};
use crate::http::websocket::{Client, MAX_REQUEST};
use crate::hub::{Hub, Unavailable};

/// Who is on the website is nothing for a cache.
pub const NEVER_STORED: (HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// How long an answer may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The room for more of them.
    pub room: Room,
    /// The snapshots that are being sent.
    pub answers: Answers,
}

/// What stands between the routes and those who ask.
pub struct Guards {
    /// Who may see anything.
    pub access: Access,
    /// Whose pages may.
    pub origins: Origins,
    /// How often.
    pub rates: Rates,
    /// Whether we speak TLS.
    pub encrypted: bool,
}

/// The API, the WebSocket and the page, for those who may see them.
pub fn routes(api: Api, assets: &Path, guards: Guards) -> Router {
    let encrypted = Encrypted(guards.encrypted);
    Router::new()
        .route("/api/stats", get(stats))
        .route("/api/pipeline", get(pipeline))
        .merge(page(assets))
        .layer(CompressionLayer::new())
        // Compressed once for all who ask, not once for each.
        .route("/api/sessions", get(sessions::sessions))
        .route("/ws", get(socket))
        .with_state(api)
        .layer(from_fn_with_state(guards.access.clone(), access::check))
        .merge(login::routes(guards.access, guards.encrypted))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            PATIENCE,
        ))
        .layer(from_fn_with_state(guards.origins, origin::check))
        .layer(from_fn_with_state(guards.rates, rates::check))
        .layer(from_fn_with_state(encrypted, headers::harden))
}

/// The built page; without it `/` says what is missing.
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
    tracing::warn!(assets = %assets.display(), "there is no page to serve; API and WebSocket work all the same");
    Router::new().route("/", get(async move || (StatusCode::NOT_FOUND, missing)))
}

async fn stats(State(api): State<Api>) -> Result<impl IntoResponse, Unavailable> {
    Ok(([NEVER_STORED], Json(api.hub.stats().await?)))
}

async fn pipeline(State(api): State<Api>) -> Result<impl IntoResponse, Unavailable> {
    Ok(([NEVER_STORED], Json(api.hub.pipeline().await?)))
}

async fn socket(
    State(api): State<Api>,
    Extension(connection): Extension<Connection>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(place) = api.room.enter() else {
        let retry = [(RETRY_AFTER, "5")];
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            retry,
            "There are too many clients.\n",
        )
            .into_response();
    };
    upgrade
        .limits(Limits::default().max_payload_len(Some(MAX_REQUEST)))
        .on_upgrade(async move |socket| {
            let client = Client::serve(socket, api.hub, api.gauges, api.shutdown);
            api.clients.track_future(client).await;
            drop((place, connection));
        })
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "error": self.to_string() })),
        )
            .into_response()
    }
}
