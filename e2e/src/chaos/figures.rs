//! Counts redeliveries, rejections and lost streams across restarts of NATS.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use async_nats::Client;
use async_nats::jetstream;
use futures_util::StreamExt as _;
use protocol::stream;
use service::streams::{IncarnationId, incarnation_id};
use tokio_util::task::AbortOnDropHandle;

/// Counts that survive restarts of the servers.
pub struct Figures {
    jetstream: jetstream::Context,
    rejected: Arc<AtomicU64>,
    redelivered: Redelivered,
    /// The last known incarnation of the raw stream, and how often it was replaced.
    incarnation: Option<IncarnationId>,
    streams_lost: usize,
    _listening: AbortOnDropHandle<()>,
}

/// Redeliveries, summed over the incarnations of the consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Redelivered {
    total: u64,
    last: i64,
}

impl Redelivered {
    /// A count that has become smaller is one of another consumer, or of a stream that was emptied: then messages that
    /// were never delivered are gone, and it may begin below zero.
    fn seen(&mut self, count: i64) {
        let since = if count < self.last { 0 } else { self.last };
        self.total += u64::try_from(count - since).unwrap_or(0);
        self.last = count;
    }
}

impl Figures {
    /// Starts to count.
    ///
    /// # Errors
    /// Fails if NATS does not let us listen.
    pub async fn new(operator: Client) -> Result<Self> {
        let mut rejections = operator.subscribe("visitor.rejected.>").await?;
        let rejected = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&rejected);
        let listening = tokio::spawn(async move {
            while rejections.next().await.is_some() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Self {
            jetstream: jetstream::new(operator),
            rejected,
            redelivered: Redelivered::default(),
            incarnation: None,
            streams_lost: 0,
            _listening: AbortOnDropHandle::new(listening),
        })
    }

    /// Reads the counts that a restart would lose.
    ///
    /// # Errors
    /// Fails if NATS does not answer.
    pub async fn look(&mut self) -> Result<()> {
        let raw = self.jetstream.get_stream(stream::RAW).await?;
        let incarnation = incarnation_id(&raw);
        let lost = self
            .incarnation
            .replace(incarnation)
            .is_some_and(|before| before != incarnation);
        self.streams_lost += usize::from(lost);
        let consumer = raw.consumer_info(stream::ENRICHER).await.context("no consumer")?;
        let delivered = consumer.delivered;
        let deliveries = i64::try_from(delivered.consumer_sequence)?;
        let messages = i64::try_from(delivered.stream_sequence)?;
        self.redelivered.seen(deliveries - messages);
        Ok(())
    }

    /// How often the streams were lost, if it was observed.
    #[must_use]
    pub fn streams_lost(&self) -> usize {
        self.streams_lost
    }

    /// Raw messages that were delivered again, if it was observed.
    #[must_use]
    pub fn redelivered(&self) -> u64 {
        self.redelivered.total
    }

    /// Rejected messages that were published; with two ingestors, most are published twice.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_of_a_lost_consumer_still_count() {
        let mut redelivered = Redelivered::default();
        for count in [3, 5, 1, 4, -10, -8] {
            redelivered.seen(count);
        }
        assert_eq!(redelivered.total, 5 + 4 + 2);
    }
}
