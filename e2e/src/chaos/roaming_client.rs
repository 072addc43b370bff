//! A page that stays open. It moves to another gateway when its own is unreachable, and sometimes without a reason.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::chaos::exposure::ExposureWatch;
use crate::clients::{View, Viewer};

/// The pause before the next gateway is tried.
const PAUSE: Duration = Duration::from_millis(200);

/// A page that is never closed and keeps its view when it moves to another gateway.
#[derive(Debug)]
pub struct RoamingClient {
    at: watch::Receiver<Option<Arc<Viewer>>>,
    _roaming: AbortOnDropHandle<()>,
}

impl RoamingClient {
    /// Starts at the first of `gateways`. Stays at each for `stays`, or until it is lost. `watch` checks every frame.
    #[must_use]
    pub fn start(gateways: Vec<String>, stays: Option<Duration>, watch: ExposureWatch) -> Self {
        let (place, at) = watch::channel(None);
        Self {
            at,
            _roaming: AbortOnDropHandle::new(tokio::spawn(roam(gateways, stays, watch, place))),
        }
    }

    /// Its view, while it is connected.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        let at = self.at.borrow();
        at.as_ref()
            .filter(|viewer| viewer.is_connected())
            .map(|viewer| viewer.view())
    }

    /// Its last view, connected or not.
    #[must_use]
    pub fn last_view(&self) -> View {
        let at = self.at.borrow();
        at.as_ref().map(|viewer| viewer.view()).unwrap_or_default()
    }
}

async fn roam(
    gateways: Vec<String>,
    stays: Option<Duration>,
    watch: ExposureWatch,
    place: watch::Sender<Option<Arc<Viewer>>>,
) {
    let mut view = View::default();
    for gateway in gateways.iter().cycle() {
        let Ok(viewer) = Viewer::resume(gateway, view.clone(), Box::new(watch.clone())).await else {
            sleep(PAUSE).await;
            continue;
        };
        let viewer = Arc::new(viewer);
        place.send_replace(Some(Arc::clone(&viewer)));
        match stays {
            // Ends with the time or the connection.
            Some(stays) => drop(timeout(stays, viewer.over()).await),
            None => viewer.over().await,
        }
        view = viewer.view();
    }
}
