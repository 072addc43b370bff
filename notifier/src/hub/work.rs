//! The work that the hub starts, and its results.

use std::time::Duration;

use async_nats::jetstream::Message;
use protocol::{Guid, Millis, Timestamp};
use service::bucket::BucketError;
use service::clock;

use super::done::Done;
use super::sending::{Item, Sent};
use super::{Bucket, Hub, NOTE_TIME, WEBHOOK_PART};
use crate::arrivals::arrival::Arrival;
use crate::cooldown::claim::{Claim, CompanyKey};
use crate::cooldown::store::Claimed;
use crate::delivery::response::Outcome;
use crate::message::MAX_ARRIVALS;
use crate::metrics::GivenUp;
use crate::streams::intake::Followed;

/// Maximum number of claims that are written at once.
const MAX_CLAIMING: usize = 64;

/// How long to wait after a failed write, in ms.
const RETRY: Millis = 1_000;

/// The pause after an attempt that sent nothing.
const EMPTY_SEND_PAUSE: Duration = Duration::from_millis(200);

impl Hub {
    /// Starts all work that can be done now.
    pub(super) fn proceed(&mut self) {
        if self.bucket == Bucket::Ready {
            self.claim_companies();
            self.send_message();
            self.record_announced();
        }
        self.acknowledge();
    }

    pub(super) fn on_done(&mut self, done: Done) {
        match done {
            Done::Claimed {
                key,
                claim,
                arrival,
                result,
            } => self.on_claimed(key, claim, *arrival, result),
            // Otherwise the bucket was lost again.
            Done::PutBack(Ok(())) if self.bucket != Bucket::PuttingBack => {}
            Done::PutBack(Ok(())) => {
                self.bucket_was_lost = false;
                self.bucket_is_ready();
                self.pace.hold(NOTE_TIME, clock::uptime());
            }
            Done::PutBack(Err(error)) => {
                tracing::debug!(%error, "the claims are not restored yet");
                if self.bucket == Bucket::PuttingBack {
                    self.put_back();
                }
            }
            Done::Sent(sent) => self.on_sent(sent),
            Done::Noted {
                key,
                claim,
                expected,
                result,
            } => {
                self.noting -= 1;
                self.on_noted(key, claim, expected, result);
            }
            Done::Finished => {}
        }
    }

    fn on_noted(
        &mut self,
        key: CompanyKey,
        claim: Claim,
        expected: u64,
        result: Result<Option<u64>, BucketError>,
    ) {
        match result {
            Ok(Some(sequence)) => self.learn(key, claim, sequence),
            // A different claim is in its place by now.
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%error, "a company is not yet marked as announced in the bucket");
                self.unnoted.push((key, claim, expected));
            }
        }
    }

    /// Restores a lost bucket from the claims that are known here.
    pub(super) fn put_back(&mut self) {
        self.bucket = Bucket::PuttingBack;
        let (store, claims) = (self.sender.store.clone(), self.claims.all());
        self.health.failing(
            Followed::Claims.part(),
            format!("the bucket was lost; restoring {} claims", claims.len()),
        );
        self.work.push(Box::pin(async move {
            for (key, claim) in claims {
                if let Err(error) = store.note(&key, &claim, 0).await {
                    pause().await;
                    return Done::PutBack(Err(error));
                }
            }
            Done::PutBack(Ok(()))
        }));
    }

    fn claim_companies(&mut self) {
        let now = clock::now();
        while now >= self.claim_after && self.claiming < MAX_CLAIMING {
            let Some((key, arrival)) = self.unclaimed.pop_front() else {
                return;
            };
            if self.claims.covers(&key, arrival.seen_at) {
                self.metrics.cooled_down.inc();
                self.settled(&arrival.guid);
                continue;
            }
            self.claiming += 1;
            let (store, claim) = (self.sender.store.clone(), Claim::new(arrival.clone(), now));
            self.work.push(Box::pin(async move {
                let result = store.claim(&key, &claim).await;
                Done::Claimed {
                    key,
                    claim,
                    arrival: Box::new(arrival),
                    result,
                }
            }));
        }
    }

    fn on_claimed(
        &mut self,
        key: CompanyKey,
        claim: Claim,
        arrival: Arrival,
        result: Result<Claimed, BucketError>,
    ) {
        self.claiming -= 1;
        let guid = arrival.guid.clone();
        match result {
            Ok(Claimed::Ours(sequence)) => {
                // The bucket's own message may have arrived first, and may be newer.
                if self
                    .claims
                    .get(&key)
                    .is_none_or(|known| known.sequence < sequence)
                {
                    self.learn(key, claim, sequence);
                }
            }
            Ok(Claimed::Theirs(stored, sequence)) => {
                self.metrics.cooled_down.inc();
                self.learn(key, *stored, sequence);
            }
            Err(error) => {
                tracing::debug!(%error, "a company is not claimed yet");
                self.claim_after = clock::now() + RETRY;
                self.begin_claim(key, arrival);
            }
        }
        self.settled(&guid);
    }

    fn send_message(&mut self) {
        if self.is_sending || !self.sender.held.is_held() || !self.pace.allows(clock::uptime()) {
            return;
        }
        let batch: Vec<_> = self
            .claims
            .waiting()
            .take(self.pace.batch(MAX_ARRIVALS))
            .map(|(key, stored)| (key.clone(), stored.clone()))
            .collect();
        if batch.is_empty() {
            return;
        }
        self.is_sending = true;
        let sending = self.sender.clone().send(batch);
        self.work.push(Box::pin(async move { Done::Sent(sending.await) }));
    }

    fn on_sent(&mut self, Sent { items, outcome }: Sent) {
        self.is_sending = false;
        let Some(outcome) = outcome else {
            // Nothing was sent: the bucket does not answer, or another notifier sends.
            self.pace.hold(EMPTY_SEND_PAUSE, clock::uptime());
            return;
        };
        let chance = rand::random();
        let gives_up = self.pace.answered(&outcome, items.len(), chance, clock::uptime());
        match outcome {
            Outcome::Accepted => {
                self.health.ok(WEBHOOK_PART);
                self.metrics.messages.inc();
                for item in items {
                    self.on_announced(item);
                }
            }
            Outcome::Refused { reason } => {
                tracing::warn!(reason, arrivals = items.len(), "the receiver refused a message");
                self.metrics.failures.inc();
                self.keep_marks(&items);
                if gives_up {
                    for item in items {
                        self.remove(&item.key, GivenUp::Refused);
                    }
                }
            }
            Outcome::Failed { reason, .. } => {
                self.metrics.failures.inc();
                self.keep_marks(&items);
                self.health.failing(WEBHOOK_PART, reason);
            }
        }
    }

    /// Applies what this notifier has written or read itself. The sequence of a bucket that has been lost since is ignored.
    fn learn(&mut self, key: CompanyKey, claim: Claim, sequence: u64) {
        let sequence = if self.bucket_was_lost {
            self.claims.get(&key).map_or(0, |known| known.sequence)
        } else {
            sequence
        };
        self.claims.heard(key, claim, sequence);
    }

    /// Remembers that this notifier has marked these as being sent.
    fn keep_marks(&mut self, items: &[Item]) {
        for item in items {
            self.learn(item.key.clone(), item.claim.clone(), item.sequence);
        }
    }

    fn on_announced(&mut self, item: Item) {
        self.metrics.announced.inc();
        if item.is_repeat {
            self.metrics.repeats.inc();
        }
        if let Some(arrival) = item.claim.waiting() {
            self.metrics.delivery.since(arrival.seen_at);
        }
        let announced = item.claim.announced(clock::now());
        // Marked here immediately, so that it is not sent again even if the write to the bucket fails.
        let known = self.claims.get(&item.key).map_or(0, |known| known.sequence);
        self.learn(item.key.clone(), announced.clone(), known.max(item.sequence));
        self.unnoted.push((item.key, announced, item.sequence));
    }

    pub(super) fn record_announced(&mut self) {
        for (key, claim, expected) in std::mem::take(&mut self.unnoted) {
            self.noting += 1;
            let store = self.sender.store.clone();
            self.work.push(Box::pin(async move {
                let result = store.note(&key, &claim, expected).await;
                if result.is_err() {
                    pause().await;
                }
                Done::Noted {
                    key,
                    claim,
                    expected,
                    result,
                }
            }));
        }
    }

    /// Gives up arrivals that have waited long enough for the receiver.
    pub(super) fn give_up_old(&mut self, now: Timestamp) {
        if self.bucket != Bucket::Ready || self.is_sending || !self.sender.held.is_held() {
            return;
        }
        let old: Vec<_> = self
            .claims
            .waiting()
            .take_while(|(_, stored)| stored.claim.is_given_up(now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in old {
            self.remove(&key, GivenUp::TooLate);
        }
    }

    /// Removes a claim whose arrival is not announced.
    pub(super) fn remove(&mut self, key: &CompanyKey, reason: GivenUp) {
        let Some(sequence) = self.claims.get(key).map(|stored| stored.sequence) else {
            return;
        };
        self.claims.gone(key, sequence);
        // Each notifier withdraws arrivals that must not be announced, and one of them counts it.
        if self.sender.held.is_held() {
            self.metrics.give_up(reason);
            tracing::warn!(?reason, "an arrival is not announced");
        }
        let (store, key) = (self.sender.store.clone(), key.clone());
        self.work.push(Box::pin(async move {
            if let Err(error) = store.remove(&key, sequence).await {
                tracing::debug!(%error, "a claim was not removed; it expires");
            }
            Done::Finished
        }));
    }

    fn acknowledge(&mut self) {
        let (unsettled, claims) = (&self.unsettled, &self.claims);
        let waits = |guid: &Guid| unsettled.contains_key(guid) || claims.waiting_of(guid).is_some();
        let settled = self.acks.settle(self.read, waits);
        self.acknowledge_all(settled);
    }

    /// Acknowledges held messages whose arrival was announced or given up.
    pub(super) fn release_held(&mut self) {
        let (unsettled, claims) = (&self.unsettled, &self.claims);
        let waits = |guid: &Guid| unsettled.contains_key(guid) || claims.waiting_of(guid).is_some();
        let settled = self.acks.release(waits);
        self.acknowledge_all(settled);
    }

    fn acknowledge_all(&self, messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        self.work.push(Box::pin(async move {
            for message in messages {
                // If this fails, the message is redelivered.
                let _ = message.ack().await;
            }
            Done::Finished
        }));
    }

    /// Protects held messages from redelivery.
    pub(super) fn hold_messages(&mut self) {
        let in_progress = self.acks.in_progress();
        self.work.push(Box::pin(async move {
            in_progress.await;
            Done::Finished
        }));
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}
