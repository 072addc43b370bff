//! The lease of the one notifier that sends, so that the whole fleet sends at most one message a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use protocol::Millis;
use protocol::stream::NOTIFIED;
use protocol::time::millis;
use serde::{Deserialize, Serialize};
use service::bucket::{Bucket, BucketError};
use service::{Nats, clock};

use super::store::read_entry;

/// The key of the lease.
const KEY: &str = "sender";

/// How long a lease lasts without renewal, which is the pause after a kill.
const TTL: Duration = Duration::from_secs(5);

/// How long before its end the holder stops relying on it.
const MARGIN: Duration = Duration::from_secs(1);

/// How often it is renewed or requested.
const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    by: Arc<str>,
}

/// Whether this notifier has the lease. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<AtomicI64>);

impl Held {
    /// Whether this notifier may send now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        clock::uptime() < self.0.load(Ordering::Relaxed)
    }

    fn until(&self, until: Millis) {
        self.0.store(until, Ordering::Relaxed);
    }
}

/// Takes the lease and renews it.
#[derive(Debug)]
pub struct LeaseKeeper {
    nats: Nats,
    bucket: Bucket,
    by: Arc<str>,
    held: Held,
    /// The sequence of our lease.
    sequence: Option<u64>,
}

impl LeaseKeeper {
    /// Creates it for the notifier with that name.
    #[must_use]
    pub fn new(nats: Nats, instance: &str) -> Self {
        Self {
            bucket: Bucket::new(nats.clone(), NOTIFIED),
            nats,
            by: instance.into(),
            held: Held::default(),
            sequence: None,
        }
    }

    /// Whether the lease is ours, kept up to date while [`Self::keep`] runs.
    #[must_use]
    pub fn held(&self) -> Held {
        self.held.clone()
    }

    /// Takes the lease whenever it is free, and renews it. Never returns.
    pub async fn keep(&mut self) {
        loop {
            self.nats.connected().await;
            if let Err(error) = self.step().await {
                // The bucket's part in health reports a lasting failure.
                tracing::debug!(%error, "the lease was not renewed");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    async fn step(&mut self) -> Result<(), BucketError> {
        let asked_at = clock::uptime();
        let expected = match self.sequence {
            Some(sequence) => sequence,
            None => match read_entry::<Lease>(&self.bucket, KEY).await? {
                // One of our renewals was written although it seemed to fail.
                (Some(lease), sequence) if lease.by == self.by => sequence,
                (Some(_), _) => return Ok(()),
                (None, sequence) => sequence,
            },
        };
        let lease = Lease {
            by: Arc::clone(&self.by),
        };
        let written = self.bucket.write(KEY, &lease, TTL, Some(expected)).await?;
        if written.is_some() != self.sequence.is_some() {
            tracing::info!(sends = written.is_some(), "the notifier that sends has changed");
        }
        self.sequence = written;
        self.held.until(match written {
            Some(_) => asked_at + millis(TTL.saturating_sub(MARGIN)),
            None => 0,
        });
        Ok(())
    }

    /// Releases the lease, so that another notifier takes it at once.
    pub async fn release(mut self) {
        self.held.until(0);
        if let Some(sequence) = self.sequence.take()
            && let Err(error) = self.bucket.delete(KEY, sequence).await
        {
            tracing::debug!(%error, "the lease was not released");
        }
    }
}
