//! The gateway's figures, for metrics and status alike.

use protocol::status::GatewayFigures;
use service::ConnectionLimit;
use service::metrics::{Counter, Gauge, Latency, Metrics};

use crate::hub::snapshot::SnapshotGauges;
use crate::view::Traffic;

/// What the gateway counts.
pub struct Gauges {
    /// Sessions shown.
    pub sessions: Gauge,
    /// Connected WebSocket clients.
    clients: Gauge,
    /// Frames made.
    pub frames: Counter,
    /// Their size, each counted once however many clients get it.
    pub frame_bytes: Counter,
    /// From the receipt of a session's event until the session comes into view; who must be looked up first, waits here.
    pub appearance: Latency,
    /// From the receipt of the oldest activity or closing that a frame tells of until the frame is out.
    pub frame: Latency,
    /// Times a client fell behind and got a snapshot instead of deltas.
    pub clients_behind: Counter,
    /// Clients that were disconnected because they did not read.
    pub clients_too_slow: Counter,
    /// Clients disconnected because they said too much.
    pub clients_too_talkative: Counter,
    clients_refused: Counter,
    /// Client messages that were not understood.
    pub requests_not_understood: Counter,
    /// What snapshots cost.
    pub snapshots: SnapshotGauges,
    answers: Gauge,
    answers_refused: Counter,
    /// Statuses that are not trusted.
    pub statuses_ignored: Counter,
    /// Messages put back into the sessions' stream.
    pub written_back: Counter,
    appeared: Counter,
    closed: Counter,
    stale: Counter,
    hidden: Counter,
}

impl Gauges {
    /// Registers them all.
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        let gauge = |name, help| metrics.add(name, help, Gauge::default());
        Self {
            sessions: gauge("sessions", "Sessions shown"),
            clients: gauge("clients", "Connected WebSocket clients"),
            frames: counter("frames", "Frames made"),
            frame_bytes: counter("frame_bytes", "Bytes of frames made, each counted once"),
            appearance: metrics.latency(
                "appearance_duration",
                "From the receipt of a session's event until the session comes into view, its lookup included",
            ),
            frame: metrics.latency(
                "frame_duration",
                "From the receipt of the oldest activity or closing in a frame until the frame is out",
            ),
            clients_behind: counter("clients_behind", "Times a client fell behind and got a snapshot"),
            clients_too_slow: counter(
                "clients_too_slow",
                "Clients disconnected because they did not read",
            ),
            clients_too_talkative: counter(
                "clients_too_talkative",
                "Clients disconnected because they said too much",
            ),
            clients_refused: counter(
                "clients_refused",
                "Clients not let in because there were too many",
            ),
            requests_not_understood: counter(
                "requests_not_understood",
                "Client messages that were not understood",
            ),
            snapshots: SnapshotGauges {
                built: counter("snapshots_built", "Snapshots built, each for all who asked at the time"),
                compressed: counter("snapshots_compressed", "Snapshots compressed"),
                held: gauge("snapshots_held", "Snapshots that somebody is still being sent"),
            },
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
                "Messages put back into the sessions' stream",
            ),
            appeared: counter("sessions_appeared", "Sessions that came into view"),
            closed: counter("sessions_closed", "Sessions that left the view closed"),
            stale: counter("sessions_stale", "Sessions that left the view stale"),
            hidden: counter(
                "sessions_hidden",
                "Sessions that left the view because they must not be shown any longer",
            ),
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

    /// Takes over what the view has counted.
    pub fn traffic(&self, traffic: Traffic) {
        let catch_up = |counter: &Counter, total: u64| {
            counter.inc_by(total.saturating_sub(counter.get()));
        };
        catch_up(&self.appeared, traffic.appeared);
        catch_up(&self.closed, traffic.closed);
        catch_up(&self.stale, traffic.stale);
        catch_up(&self.hidden, traffic.hidden);
    }

    /// The figures for the status.
    pub fn figures(&self) -> GatewayFigures {
        GatewayFigures {
            sessions: self.sessions.get(),
            clients: self.clients.get(),
        }
    }
}
