//! Whether the enricher that holds a lease has exited, or may only be unreachable for a while.
//!
//! Neither renews its leases nor publishes a status. But NATS learns at once that the connection of a killed process is
//! closed, and keeps the connection of one that is cut off or frozen. So each enricher subscribes to an inbox that its
//! leases name, and a request to that inbox tells the two apart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::client::RequestErrorKind;
use bytes::Bytes;
use futures_util::StreamExt as _;
use protocol::Timestamp;
use service::Nats;
use tokio::time::{Instant, timeout};

use crate::lookup::cache::claim_gate::ClaimGate;

/// How long an enricher must be silent to count as exited. It is longer than a reconnection takes. It is shorter than the
/// time after which the work queue delivers a killed enricher's messages again, so that it delays none of them.
const SILENCE: Duration = Duration::from_secs(5);

/// How long the answer to a request may take. Only a missing inbox is evidence, and the server reports that at once.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// How long after its last status another enricher is forgotten.
const FORGET_AFTER: Duration = Duration::from_hours(1);

/// The holder of a lease, as the bucket's entry names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The enricher.
    pub by: Arc<str>,
    /// When it last renewed the lease.
    pub since: Timestamp,
    /// Its inbox; `None` if it runs a release without one.
    pub inbox: Option<Arc<str>>,
}

/// The other enrichers as holders of leases. Clones share everything.
#[derive(Clone)]
pub struct Holders {
    client: Client,
    claim_gate: ClaimGate,
    own_inbox: Arc<str>,
    heard: Arc<Mutex<Heard>>,
}

/// When each of the other enrichers last published its status.
struct Heard {
    own_name: Box<str>,
    others: HashMap<Box<str>, Instant>,
}

impl Heard {
    fn new(own_name: &str) -> Self {
        Self {
            own_name: own_name.into(),
            others: HashMap::new(),
        }
    }

    fn on_status(&mut self, instance: &str, now: Instant) {
        if *instance != *self.own_name {
            self.others.retain(|_, at| now < *at + FORGET_AFTER);
            self.others.insert(instance.into(), now);
        }
    }

    fn within(&self, period: Duration, instance: &str, now: Instant) -> bool {
        self.others.get(instance).is_some_and(|at| now < *at + period)
    }
}

impl Holders {
    /// Subscribes to the inbox of the enricher with that name, which answers until the process exits.
    ///
    /// # Errors
    /// Fails if the client is closed.
    pub async fn start(nats: &Nats, instance: &str, claim_gate: ClaimGate) -> anyhow::Result<Self> {
        let client = nats.client().clone();
        let inbox = client.new_inbox();
        let mut requests = client.subscribe(inbox.clone()).await?;
        let answering = client.clone();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                if let Some(reply) = request.reply
                    && let Err(error) = answering.publish(reply, Bytes::new()).await
                {
                    tracing::debug!(%error, "another enricher got no answer");
                }
            }
        });
        Ok(Self {
            client,
            claim_gate,
            own_inbox: inbox.into(),
            heard: Arc::new(Mutex::new(Heard::new(instance))),
        })
    }

    /// The inbox that this enricher's leases name.
    pub fn own_inbox(&self) -> &Arc<str> {
        &self.own_inbox
    }

    /// An enricher has published its status.
    pub fn on_status(&self, instance: &str) {
        self.heard().on_status(instance, Instant::now());
    }

    /// Whether there are other enrichers. One that has not been heard for a while counts as well, because it may be
    /// disconnected.
    pub fn has_others(&self) -> bool {
        !self.heard().others.is_empty()
    }

    /// Whether the holder has exited: it has been silent for as long as a reconnection takes, and NATS has no connection
    /// that subscribes to its inbox. This enricher must itself have been connected for that long, because a restart of
    /// NATS disconnects both.
    pub async fn has_exited(&self, holder: &Holder) -> bool {
        let Some(inbox) = &holder.inbox else {
            return false;
        };
        let is_heard = self.heard().within(SILENCE, &holder.by, Instant::now());
        if is_heard || !self.claim_gate.is_open_for(SILENCE) {
            return false;
        }
        let request = self.client.request(inbox.to_string(), Bytes::new());
        matches!(
            timeout(ANSWER_TIMEOUT, request).await,
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders
        )
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enricher_that_was_heard_once_still_counts_after_an_outage() {
        let now = Instant::now();
        let mut heard = Heard::new("e");
        heard.on_status("e", now);
        assert!(heard.others.is_empty());
        heard.on_status("f", now);
        heard.on_status("e", now + FORGET_AFTER * 2);
        assert!(!heard.others.is_empty());
    }

    #[test]
    fn messages_of_a_killed_enricher_are_not_delayed() {
        assert!(SILENCE < service::streams::ACK_WAIT);
    }

    #[test]
    fn an_enricher_is_silent_once_its_last_status_is_old() {
        let now = Instant::now();
        let mut heard = Heard::new("e");
        heard.on_status("f", now);
        let is_heard = |after| heard.within(SILENCE, "f", now + after);
        assert!(is_heard(Duration::from_secs(1)));
        assert!(!is_heard(SILENCE));
    }
}
