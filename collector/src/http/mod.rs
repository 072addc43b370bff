//! Serves the website's visitors: the tracker, the beacons, and the demonstration shop.

pub mod beacons;
pub mod crawlers;
pub mod demo;
pub mod script;
pub mod sites;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use self::beacons::BeaconHandler;
use self::script::Script;

/// The maximum size of a beacon, in bytes.
pub const MAX_BODY: usize = 2 * 1024;

/// The public routes.
pub fn routes(handler: Arc<BeaconHandler>, script: Script, script_path: &str, beacon_path: &str) -> Router {
    Router::new()
        .route(script_path, get(script::serve))
        .with_state(script)
        .merge(
            Router::new()
                .route(beacon_path, post(beacons::receive).options(beacons::preflight))
                .layer(DefaultBodyLimit::max(MAX_BODY))
                .with_state(handler),
        )
}
