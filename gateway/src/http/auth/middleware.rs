//! Lets authorized requests through and answers the others.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use service::clock;

use crate::http::auth::access::{Access, Decision};
use crate::http::auth::login;

/// Passes on an authorized request. Answers another one with the login form or an error.
pub async fn check(
    State(access): State<Access>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match access.check(request.headers(), peer, clock::now()) {
        Decision::Authorized => next.run(request).await,
        decision => login::refusal(decision, request.uri()),
    }
}
