//! The gateway's metrics, which its status reports as well.

use protocol::Timestamp;
use protocol::status::{GatewayFigures, Lookups, Missing};
use service::ConnectionLimit;
use service::metrics::{Amount, Counter, Family, Gauge, Label, Latency, Metrics};
use service::status_codes::StatusCodes;

use crate::hub::snapshot::SnapshotMetrics;
use crate::view::Traffic;

/// The processes that report their status.
const PROCESSES: [&str; 4] = ["ingestor", "enricher", "gateway", "notifier"];

/// The metrics of the gateway.
pub struct GatewayMetrics {
    /// Sessions shown.
    pub sessions: Gauge,
    /// Connected WebSocket clients.
    clients: Gauge,
    /// Frames made.
    pub frames: Counter,
    /// Bytes of frames, each counted once for all clients.
    pub frame_bytes: Counter,
    /// From the receipt of a session's event until the session is shown, including its lookup.
    pub appearance: Latency,
    /// From the receipt of the oldest activity or closing in a frame until the frame is sent.
    pub frame: Latency,
    /// Times a client fell behind and got a snapshot instead of deltas.
    pub clients_behind: Counter,
    /// Clients that were disconnected because they did not read.
    pub clients_too_slow: Counter,
    /// Clients disconnected because they sent too many messages.
    pub clients_too_talkative: Counter,
    clients_refused: Counter,
    /// Answers to HTTP requests.
    pub responses: StatusCodes,
    /// Invalid client messages.
    pub requests_not_understood: Counter,
    /// Metrics of snapshots.
    pub snapshots: SnapshotMetrics,
    answers: Gauge,
    answers_refused: Counter,
    /// Statuses that are not trusted.
    pub statuses_ignored: Counter,
    /// Messages written again to the sessions' stream.
    pub written_back: Counter,
    fleet: FleetMetrics,
    traffic: TrafficMetrics,
    missing: [(&'static str, Gauge); PROCESSES.len()],
}

/// What the lookups of the whole fleet have cost.
struct FleetMetrics {
    paid: Gauge,
    spent: Amount,
    since: Gauge,
}

/// Sessions that appeared on the page and left it.
struct TrafficMetrics {
    appeared: Counter,
    closed: Counter,
    stale: Counter,
    hidden: Counter,
}

impl GatewayMetrics {
    /// Registers all metrics.
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        let gauge = |name, help| metrics.add(name, help, Gauge::default());
        let help = "Processes that vanished within the last hour without saying that they stop, and were not replaced";
        let missing: Family<Label, Gauge> = metrics.add("processes_missing", help, Family::default());
        Self {
            sessions: gauge("sessions", "Sessions shown"),
            clients: gauge("clients", "Connected WebSocket clients"),
            frames: counter("frames", "Frames made"),
            frame_bytes: counter("frame_bytes", "Bytes of frames made, each counted once"),
            appearance: metrics.latency(
                "appearance_duration",
                "From the receipt of a session's event until the session is shown, including its lookup",
            ),
            frame: metrics.latency(
                "frame_duration",
                "From the receipt of the oldest activity or closing in a frame until the frame is sent",
            ),
            clients_behind: counter("clients_behind", "Times a client fell behind and got a snapshot"),
            clients_too_slow: counter(
                "clients_too_slow",
                "Clients disconnected because they did not read",
            ),
            clients_too_talkative: counter(
                "clients_too_talkative",
                "Clients disconnected because they sent too many messages",
            ),
            clients_refused: counter("clients_refused", "Clients refused because there were too many"),
            responses: StatusCodes::new(metrics, "http_responses", "Answers to HTTP requests, by status"),
            requests_not_understood: counter("requests_not_understood", "Invalid client messages"),
            snapshots: SnapshotMetrics::new(metrics),
            answers: gauge("snapshot_answers", "Answers with a snapshot that are being sent"),
            answers_refused: counter(
                "snapshot_answers_refused",
                "Requests for a snapshot refused because too many were being sent",
            ),
            statuses_ignored: counter(
                "statuses_ignored",
                "Statuses that are too large, impossible or do not match their subject",
            ),
            written_back: counter(
                "records_written_back",
                "Messages written again to the sessions stream",
            ),
            fleet: FleetMetrics::new(metrics),
            traffic: TrafficMetrics::new(metrics),
            missing: PROCESSES.map(|process| (process, missing.get_or_create_owned(&[("process", process)]))),
        }
    }

    /// Limits the connected WebSocket clients.
    pub fn client_limit(&self, clients: usize) -> ConnectionLimit {
        ConnectionLimit::new(clients, self.clients.clone(), self.clients_refused.clone())
    }

    /// Limits the answers with a snapshot that are being sent.
    pub fn answer_limit(&self, answers: usize) -> ConnectionLimit {
        ConnectionLimit::new(answers, self.answers.clone(), self.answers_refused.clone())
    }

    /// Sets what the fleet has spent, and since when.
    pub fn lookups(&self, lookups: Lookups, since: Option<Timestamp>) {
        self.fleet.paid.set(lookups.paid);
        self.fleet.spent.set(lookups.spent);
        let since = since.and_then(|since| u64::try_from(since.unix_ms() / 1_000).ok());
        self.fleet.since.set(since.unwrap_or_default());
    }

    /// Sets how many processes of each kind are missing.
    pub fn missing(&self, missing: &[Missing]) {
        for (process, gauge) in &self.missing {
            let count = missing.iter().filter(|missing| missing.process == *process);
            gauge.set(count.count() as u64);
        }
    }

    /// Updates the counters of the view.
    pub fn traffic(&self, traffic: Traffic) {
        let catch_up = |counter: &Counter, total: u64| {
            counter.inc_by(total.saturating_sub(counter.get()));
        };
        catch_up(&self.traffic.appeared, traffic.appeared);
        catch_up(&self.traffic.closed, traffic.closed);
        catch_up(&self.traffic.stale, traffic.stale);
        catch_up(&self.traffic.hidden, traffic.hidden);
    }

    /// The figures for the status.
    pub fn figures(&self) -> GatewayFigures {
        GatewayFigures {
            sessions: self.sessions.get(),
            clients: self.clients.get(),
        }
    }
}

impl FleetMetrics {
    fn new(metrics: &Metrics) -> Self {
        Self {
            paid: metrics.add(
                "fleet_lookups_paid",
                "Calls to the Deanonymizer that the whole fleet has paid for",
                Gauge::default(),
            ),
            spent: metrics.add(
                "fleet_lookups_spent",
                "What these calls cost, by --price-per-lookup",
                Amount::default(),
            ),
            since: metrics.add(
                "fleet_lookups_since_timestamp_seconds",
                "When the fleet began to count these calls, in seconds since the epoch; 0 if unknown",
                Gauge::default(),
            ),
        }
    }
}

impl TrafficMetrics {
    fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        Self {
            appeared: counter("sessions_appeared", "Sessions that appeared"),
            closed: counter("sessions_closed", "Sessions that were closed"),
            stale: counter("sessions_stale", "Sessions that went stale"),
            hidden: counter(
                "sessions_hidden",
                "Sessions removed because they must no longer be shown",
            ),
        }
    }
}
