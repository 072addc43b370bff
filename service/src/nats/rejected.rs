//! Publishes messages that cannot be used to `visitor.rejected.<process>.<reason>`, and counts them per reason.

use async_nats::HeaderMap;
use bytes::Bytes;
use protocol::rejection::{KEPT_BYTES, LENGTH_HEADER, REASON_HEADER};
use protocol::{Rejection, subject};

use crate::nats::Nats;
use crate::telemetry::metrics::{Counter, Family, Label, Metrics};

/// Counts and publishes what one process rejects.
#[derive(Clone, Debug)]
pub struct Rejected {
    process: &'static str,
    counters: Family<Label, Counter>,
    nats: Nats,
}

impl Rejected {
    /// Creates it for the process with that name.
    #[must_use]
    pub fn new(process: &'static str, metrics: &Metrics, nats: Nats) -> Self {
        let counters: Family<Label, Counter> =
            metrics.add("rejected", "Messages that could not be used", Family::default());
        for reason in Rejection::ALL {
            drop(counters.get_or_create(&label(reason)));
        }
        Self {
            process,
            counters,
            nats,
        }
    }

    /// Counts and publishes a message, truncated. While NATS is disconnected it is only counted, because buffering it would
    /// take memory from usable messages.
    pub async fn reject(&self, reason: Rejection, payload: Bytes) {
        self.counters.get_or_create(&label(reason)).inc();
        if !self.nats.is_connected() {
            return;
        }
        let mut headers = HeaderMap::new();
        headers.insert(REASON_HEADER, reason.to_string());
        headers.insert(LENGTH_HEADER, payload.len().to_string());
        let kept = payload.slice(..payload.len().min(KEPT_BYTES));
        let subject = subject::rejected(self.process, reason);
        if let Err(error) = self
            .nats
            .client()
            .publish_with_headers(subject, headers, kept)
            .await
        {
            tracing::debug!(%error, "a rejected message was not published");
        }
    }

    /// The number of messages rejected since the start.
    #[must_use]
    pub fn count(&self) -> u64 {
        Rejection::ALL
            .iter()
            .map(|reason| self.counters.get_or_create(&label(*reason)).get())
            .sum()
    }
}

fn label(reason: Rejection) -> Label {
    [("reason", reason.token())]
}
