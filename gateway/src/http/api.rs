//! The state that handlers share; `/api/stats`, `/api/pipeline`, `/api/history` and `/api/watchlist`.

use std::fmt::Display;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use service::ConnectionLimit;
use service::watchlist::file::Current;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::answers::Answers;
use crate::hub::{Hub, Unavailable};
use crate::metrics::GatewayMetrics;

/// The description of the API. The end-to-end tests compare it with the answers.
const OPENAPI: &str = include_str!("openapi.json");

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

/// `GET /api/history`: the figures of the last hour, or since this gateway started.
pub async fn history(State(api): State<Api>) -> Result<impl IntoResponse, Unavailable> {
    Ok(([NEVER_STORED], Json(api.hub.history().await?)))
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

/// `GET /api/openapi.json`: the description of the API.
pub async fn openapi() -> impl IntoResponse {
    let kind = (CONTENT_TYPE, "application/json");
    ([kind, (CACHE_CONTROL, "no-cache")], OPENAPI)
}

/// Anything else under `/api`.
pub async fn not_found(uri: Uri) -> Response {
    refused(StatusCode::NOT_FOUND, &format!("there is no {}", uri.path()))
}

/// An error as JSON.
pub fn refused(status: StatusCode, why: &dyn Display) -> Response {
    (status, [NEVER_STORED], Json(json!({ "error": why.to_string() }))).into_response()
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        refused(StatusCode::SERVICE_UNAVAILABLE, &self)
    }
}
