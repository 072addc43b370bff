//! `/healthz`, `/readyz` and `/metrics`.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use crate::telemetry::health::Health;
use crate::telemetry::metrics::{Format, Metrics};

/// The routes that every process serves.
pub fn routes(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({ "alive": true }))))
        .route("/readyz", get(readyz))
        .with_state(health)
        .merge(
            Router::new()
                .route("/metrics", get(metrics_text))
                .with_state(metrics),
        )
}

async fn readyz(State(health): State<Health>) -> Response {
    match health.reason() {
        None => match health.impairment() {
            None => Json(json!({ "ready": true })).into_response(),
            Some(impaired) => Json(json!({ "ready": true, "impaired": impaired })).into_response(),
        },
        Some(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "ready": false, "reason": reason })),
        )
            .into_response(),
    }
}

async fn metrics_text(State(metrics): State<Metrics>, headers: HeaderMap) -> Response {
    let format = Format::accepted(headers.get_all(header::ACCEPT));
    match metrics.text(format) {
        Ok(text) => ([(header::CONTENT_TYPE, format.media_type())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Opens a listener and logs its address.
///
/// # Errors
/// Fails if the address cannot be used; the error names `flag`.
pub async fn listen(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {flag} {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    Ok(listener)
}
