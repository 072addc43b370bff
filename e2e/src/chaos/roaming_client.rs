//! A page that is left open: it goes to another gateway when its own is gone, and now and then without a reason.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::chaos::exposure::ExposureWatch;
use crate::clients::{View, Viewer};

/// The pause before the next gateway is tried.
const PAUSE: Duration = Duration::from_millis(200);

/// A page that is never closed. It keeps what it knows from one gateway to the next.
#[derive(Debug)]
pub struct RoamingClient {
    at: watch::Receiver<Option<Arc<Viewer>>>,
    _wandering: AbortOnDropHandle<()>,
}

impl RoamingClient {
    /// Begins at the first of `gateways`. It stays at each for so long, or for ever. Every frame is looked at.
    #[must_use]
    pub fn setting_out(gateways: Vec<String>, stays: Option<Duration>, watch: ExposureWatch) -> Self {
        let (place, at) = watch::channel(None);
        Self {
            at,
            _wandering: AbortOnDropHandle::new(tokio::spawn(wander(gateways, stays, watch, place))),
        }
    }

    /// What it sees, while it is connected.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        let at = self.at.borrow();
        at.as_ref()
            .filter(|viewer| viewer.is_connected())
            .map(|viewer| viewer.view())
    }

    /// What it has seen last, connected or not.
    #[must_use]
    pub fn last_view(&self) -> View {
        let at = self.at.borrow();
        at.as_ref().map(|viewer| viewer.view()).unwrap_or_default()
    }
}

async fn wander(
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
            // Time to go, or gone.
            Some(stays) => drop(timeout(stays, viewer.over()).await),
            None => viewer.over().await,
        }
        view = viewer.view();
    }
}
