//! Answers browsers and other clients: the API, the WebSocket, the page, and the checks in front of them.

pub mod answers;
pub mod api;
pub mod auth;
mod cache;
mod headers;
pub mod origin;
pub mod rates;
pub mod routes;
mod sessions;
mod shared_body;
mod websocket;
