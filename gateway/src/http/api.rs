//! What the handlers share, `/api/stats`, `/api/pipeline` and `/api/watchlist`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use service::ConnectionLimit;
use service::watchlist::file::Current;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::answers::Answers;
use crate::hub::{Hub, Unavailable};
use crate::metrics::GatewayMetrics;

/// Keeps caches from storing who is on the website.
pub const NEVER_STORED: (HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// The state of all handlers.
#[derive(Clone)]
pub struct Api {
    /// Answers questions about the view.
    pub hub: Hub,
    /// Metrics.
    pub metrics: Arc<GatewayMetrics>,
    /// Disconnects the WebSocket clients: the server's graceful shutdown does not cover them.
    pub shutdown: CancellationToken,
    /// Connected WebSocket clients.
    pub clients: TaskTracker,
    /// Limits WebSocket clients.
    pub client_limit: ConnectionLimit,
    /// The team's watchlist, if there is one.
    pub watchlist: Option<Current>,
    /// Limits snapshots that are being sent.
    pub answers: Answers,
}

/// `GET /api/stats`.
pub async fn stats(State(api): State<Api>) -> Result<impl IntoResponse, Unavailable> {
    Ok(([NEVER_STORED], Json(api.hub.stats().await?)))
}

/// `GET /api/pipeline`.
pub async fn pipeline(State(api): State<Api>) -> Result<impl IntoResponse, Unavailable> {
    Ok(([NEVER_STORED], Json(api.hub.pipeline().await?)))
}

/// `GET /api/watchlist`: the entries of the team's watchlist in the order of its file, none without a file. Each is a domain,
/// `*.` and a domain, or a company's GUID.
pub async fn watchlist(State(api): State<Api>) -> impl IntoResponse {
    let list = api.watchlist.map(|current| current.borrow().entries().to_vec());
    (
        [NEVER_STORED],
        Json(json!({ "entries": list.unwrap_or_default() })),
    )
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
