//! The task that owns all sessions: receives beacons, tracks deadlines, and passes events to the emitter's clients.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::Millis;
use service::{Health, clock};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use crate::beacon::Beacon;
use crate::drop_reason::DropReason;
use crate::emitter::frame;
use crate::metrics::CollectorMetrics;
use crate::visits::{Event, Visits};

/// How many beacons may wait for the hub.
const REQUESTS_UNDER_WAY: usize = 4 * 1024;

/// How many frames may wait for a client. One that is further behind is disconnected.
const FRAMES_UNDER_WAY: usize = 64 * 1024;

/// How often the visitors of the last minute are counted, in ms, because that takes a pass over all sessions.
const COUNT_EVERY: Millis = 5_000;

/// The longest sleep, if no deadline is known.
const LONG: Duration = Duration::from_millis(COUNT_EVERY.unsigned_abs());

/// One minute, in ms.
const MINUTE: Millis = 60_000;

/// The part of health that reports waiting visitors.
const NEW_SESSIONS: &str = "new-sessions";

/// Frames for one client.
pub type Frames = Vec<Utf8Bytes>;

enum Request {
    Beacon(Beacon, IpAddr),
    Connect(mpsc::Sender<Frames>),
}

/// A handle to the hub. Clones share it.
#[derive(Clone)]
pub struct Hub(mpsc::Sender<Request>);

impl Hub {
    /// Hands a beacon over.
    ///
    /// # Errors
    /// [`DropReason::Busy`].
    pub fn apply(&self, beacon: Beacon, address: IpAddr) -> Result<(), DropReason> {
        let sent = self.0.try_send(Request::Beacon(beacon, address));
        sent.map_err(|_| DropReason::Busy)
    }

    /// Adds a client. Its first frames are the open sessions and those that were closed recently.
    pub async fn connect(&self) -> mpsc::Receiver<Frames> {
        let (sender, frames) = mpsc::channel(FRAMES_UNDER_WAY);
        // Fails only after the hub has ended.
        let _ = self.0.send(Request::Connect(sender)).await;
        frames
    }
}

/// The task behind a [`Hub`].
pub struct HubTask {
    visits: Visits,
    requests: mpsc::Receiver<Request>,
    clients: Vec<mpsc::Sender<Frames>>,
    metrics: Arc<CollectorMetrics>,
    health: Health,
    events: Vec<Event>,
    /// When the visitors of the last minute were counted.
    counted_at: Millis,
}

impl HubTask {
    /// A hub and its task.
    pub fn new(visits: Visits, metrics: Arc<CollectorMetrics>, health: Health) -> (Hub, Self) {
        let (sender, requests) = mpsc::channel(REQUESTS_UNDER_WAY);
        let task = Self {
            visits,
            requests,
            clients: Vec::new(),
            metrics,
            health,
            events: Vec::new(),
            counted_at: clock::uptime(),
        };
        (Hub(sender), task)
    }

    /// Runs until the shutdown.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut requests = Vec::new();
        loop {
            let pause = match self.visits.next_deadline() {
                Some(at) => Duration::from_millis(u64::try_from(at - clock::uptime()).unwrap_or(0)).min(LONG),
                None => LONG,
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                received = self.requests.recv_many(&mut requests, REQUESTS_UNDER_WAY) => {
                    if received == 0 {
                        return;
                    }
                }
                () = sleep(pause) => {}
            }
            for request in requests.drain(..) {
                match request {
                    Request::Beacon(beacon, address) => self.apply(beacon, address),
                    Request::Connect(client) => self.connect(client),
                }
            }
            self.visits.advance(clock::uptime(), &mut self.events);
            self.send();
            self.report();
        }
    }

    fn apply(&mut self, beacon: Beacon, address: IpAddr) {
        let outcome = self
            .visits
            .apply(beacon, address, clock::uptime(), &mut self.events);
        match outcome {
            Ok(()) => {
                self.metrics.accepted.inc();
            }
            Err(reason) => self.metrics.dropped(reason),
        }
    }

    fn connect(&mut self, client: mpsc::Sender<Frames>) {
        // Events that are not sent yet are in the snapshot.
        self.send();
        let events = self.visits.opened().chain(self.visits.closed(clock::uptime()));
        let frames: Frames = events.map(|event| frame::text(&event)).collect();
        if client.try_send(frames).is_ok() {
            self.clients.push(client);
        }
    }

    fn send(&mut self) {
        if self.events.is_empty() {
            return;
        }
        for event in &self.events {
            self.metrics.event(event.kind);
        }
        let frames: Frames = self.events.iter().map(frame::text).collect();
        self.events.clear();
        self.clients
            .retain(|client| match client.try_send(frames.clone()) {
                Ok(()) => true,
                Err(TrySendError::Closed(_)) => false,
                Err(TrySendError::Full(_)) => {
                    self.metrics.slow_clients.inc();
                    tracing::warn!("a client of the emitter reads too slowly and is disconnected");
                    false
                }
            });
    }

    fn report(&mut self) {
        let now = clock::uptime();
        if now - self.counted_at >= COUNT_EVERY {
            self.counted_at = now;
            let seen = self.visits.seen_since(now - MINUTE);
            self.metrics.seen_last_minute.set(seen as u64);
        }
        let counts = self.visits.counts();
        self.metrics.sessions(counts);
        if counts.waiting == 0 {
            self.health.ok(NEW_SESSIONS);
        } else {
            // Without the number, which changes with every visitor and would cause a log line each time.
            let reason = "more visitors arrive than --new-sessions-per-minute allows; the others wait";
            self.health.failing(NEW_SESSIONS, reason);
        }
    }
}
