//! Answers browsers and other clients: the API, the WebSocket, the page, and the checks in front of them.

pub mod answers;
pub mod api;
pub mod auth;
pub mod base_path;
mod cache;
mod headers;
pub mod origin;
pub mod proxy;
pub mod rates;
pub mod routes;
mod sessions;
mod shared_body;
mod websocket;
