//! Lets authorized requests through and answers the others.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use service::clock;

use crate::http::auth::access::{Access, Decision};
use crate::http::auth::login;
use crate::http::base_path::BasePath;
use crate::http::proxy::LoggedInAtProxy;

/// Who is let through.
#[derive(Clone)]
pub struct Gate {
    /// Access tokens and cookies.
    pub access: Access,
    /// The path under which browsers see the gateway.
    pub base: BasePath,
    /// Whether everybody must be logged in at a proxy, or have the access token.
    pub users_only: bool,
}

impl Gate {
    fn decide(&self, request: &Request, peer: SocketAddr) -> Decision {
        if request.extensions().get::<LoggedInAtProxy>().is_some() {
            return Decision::Authorized;
        }
        if self.users_only && self.access.is_open() {
            return Decision::NotAtProxy;
        }
        self.access.check(request.headers(), peer, clock::now())
    }
}

/// Passes on an authorized request. Answers another one with the login form or an error.
pub async fn check(
    State(gate): State<Gate>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match gate.decide(&request, peer) {
        Decision::Authorized => next.run(request).await,
        decision => login::refusal(decision, request.uri(), &gate.base),
    }
}
