//! The collector's metrics.

use protocol::event::EventKind;
use service::metrics::{Counter, Family, Gauge, Label, Metrics};

use crate::drop_reason::DropReason;
use crate::visits::Counts;

/// The metrics of the collector.
pub struct CollectorMetrics {
    /// Accepted beacons.
    pub accepted: Counter,
    /// Connections to the emitter's port, including those without a handshake.
    pub connections: Gauge,
    /// Clients connected to the emitter's WebSocket.
    pub clients: Gauge,
    /// Clients disconnected because they read too slowly.
    pub slow_clients: Counter,
    /// Handshakes refused: a web page sent them, or there are too many clients.
    pub refused_clients: Counter,
    /// Visitors who have sent a beacon within the last minute.
    pub seen_last_minute: Gauge,
    dropped: Family<Label, Counter>,
    events: [Counter; EventKind::ALL.len()],
    sessions: [Gauge; 3],
}

impl CollectorMetrics {
    /// Registers them all.
    pub fn new(metrics: &Metrics) -> Self {
        let dropped: Family<Label, Counter> =
            metrics.add("beacons_dropped", "Dropped beacons, by reason", Family::default());
        for reason in DropReason::ALL {
            drop(dropped.get_or_create(&[("reason", reason.label())]));
        }
        let events: Family<Label, Counter> =
            metrics.add("events", "Events of sessions, by kind", Family::default());
        let sessions: Family<Label, Gauge> = metrics.add(
            "sessions",
            "Sessions that are open, may not open yet (waiting), or have just begun (settling)",
            Family::default(),
        );
        let clients = "Clients connected to the emitter's WebSocket";
        let slow = "Clients disconnected because they read too slowly";
        let refused = "Handshakes refused: a web page sent them, or there are too many clients";
        Self {
            accepted: metrics.add("beacons_accepted", "Accepted beacons", Counter::default()),
            connections: metrics.add(
                "emitter_connections",
                "Connections to the emitter's port, including those without a handshake",
                Gauge::default(),
            ),
            clients: metrics.add("emitter_clients", clients, Gauge::default()),
            slow_clients: metrics.add("emitter_clients_slow", slow, Counter::default()),
            refused_clients: metrics.add("emitter_clients_refused", refused, Counter::default()),
            seen_last_minute: metrics.add(
                "visitors_seen_last_minute",
                "Visitors who have sent a beacon within the last minute",
                Gauge::default(),
            ),
            dropped,
            events: EventKind::ALL.map(|kind| events.get_or_create_owned(&[("kind", kind.token())])),
            sessions: ["open", "waiting", "settling"]
                .map(|state| sessions.get_or_create_owned(&[("state", state)])),
        }
    }

    /// Counts a dropped beacon.
    pub fn dropped(&self, reason: DropReason) {
        self.dropped.get_or_create(&[("reason", reason.label())]).inc();
    }

    /// Counts an event that was sent to all clients.
    pub fn event(&self, kind: EventKind) {
        let counter = match kind {
            EventKind::SessionOpened => &self.events[0],
            EventKind::KeepAlive => &self.events[1],
            EventKind::SessionClosed => &self.events[2],
        };
        counter.inc();
    }

    /// How many sessions there are now.
    pub fn sessions(&self, counts: Counts) {
        let numbers = [
            counts.open,
            counts.waiting,
            counts.settling.saturating_sub(counts.waiting),
        ];
        for (gauge, number) in self.sessions.iter().zip(numbers) {
            gauge.set(number as u64);
        }
    }
}
