//! Clients of the pipeline: HTTP, WebSocket, and subjects of NATS.

pub mod connection;
mod http;
mod tap;
mod view;
mod viewer;

pub use connection::{connect_narrow, websocket_url};
pub use http::{Http, HttpResponse};
pub use tap::{Tap, TappedMessage};
pub use view::View;
pub use viewer::{Observer, Viewer};
