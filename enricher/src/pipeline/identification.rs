//! Finding out who is behind a session that is not known yet.

use std::sync::Arc;
use std::time::Duration;

use protocol::{EventKind, Guid, Millis, Profile, Record, Timestamp};
use service::clock;
use service::trace;
use tokio::time::Instant;

use super::results::{LookupDone, UpdateDone};
use super::{IDLE, Pipeline, expected_again};
use crate::address_key::Key;
use crate::lookup::LookedUp;
use crate::lookup::cache::entry::CachedVerdict;
use crate::lookup::failure::LookupFailure;
use crate::metrics::outcomes::{EventOutcome, VerdictSource};
use crate::queue::in_flight::{DeliveryId, Redelivery};
use crate::records::sessions::{Action, PublishOutcome};
use crate::sighting::Sighting;
use crate::verdict::Verdict;

/// Maximum number of sessions that wait here for a verdict. Further ones wait in the queue.
const MAX_WAITING: usize = 100_000;

/// While calls are held back, how often to check whether they still are.
const HELD_BACK_CHECK_INTERVAL: Duration = Duration::from_millis(100);

impl Pipeline {
    /// Publishes the session if its verdict is here; otherwise it waits for one.
    pub(super) async fn identify(&mut self, sighting: Sighting, id: DeliveryId, now: Millis) {
        let key = self.hasher.key(&sighting.ip);
        if let Some(found) = self.lookup.cached(key).await {
            self.metrics.lookups.saved_by_cache.inc();
            self.metrics
                .lookups
                .verdicts
                .found(VerdictSource::Cache, &found.verdict);
            return self.on_identified(sighting, id, &found, now).await;
        }
        if let Some(reason) = self.free_tier.no_call(&sighting.ip) {
            self.metrics.lookups.saved_by_rule(reason);
            // A paid verdict takes precedence, whichever cache it is in.
            return self
                .publish_profile(sighting, id, Profile::default(), None, now)
                .await;
        }
        // A visitor who has already left costs no call: an event that is too old to make its session active waits
        // until a younger one of the session has caused the call.
        if clock::now() - sighting.received_at > self.stale_after {
            self.postpone(sighting.kind(), id).await;
        } else if self.waiting.len() >= MAX_WAITING && !self.waiting.contains(key) {
            self.postpone_waiting(sighting.kind(), sighting.guid, id, now)
                .await;
        } else {
            self.wait_for_verdict(key, sighting, id).await;
        }
    }

    async fn wait_for_verdict(&mut self, key: Key, sighting: Sighting, id: DeliveryId) {
        let kind = sighting.kind();
        self.in_flight.wait(id);
        let added = self.waiting.add(key, sighting, id);
        if added.shares_lookup {
            self.metrics.lookups.saved_by_sharing.inc();
        }
        self.fold(kind, added.superseded).await;
        self.start_lookups();
    }

    /// When [`Pipeline::start_lookups`] is due even if nothing arrives. While no lookup may begin, this must not wait for a
    /// retry that is due, because the timer would fire again at once.
    pub(super) fn next_lookup(&self) -> Instant {
        let now = Instant::now();
        if self.waiting.len() == 0 {
            return now + IDLE;
        }
        if self.lookups.len() >= self.lookup.max_under_way() {
            return now + HELD_BACK_CHECK_INTERVAL;
        }
        let with_refused = self.lookup.admits_refused();
        if self.waiting.is_any_ready(with_refused) {
            return now;
        }
        let latest = if with_refused {
            IDLE
        } else {
            HELD_BACK_CHECK_INTERVAL
        };
        let retry = self.waiting.next_retry().map(Instant::from_std);
        retry.unwrap_or(now + latest).min(now + latest)
    }

    /// Begins as many of the due lookups as may run.
    pub(super) fn start_lookups(&mut self) {
        let now = Instant::now().into_std();
        while self.lookups.len() < self.lookup.max_under_way()
            && let Some(key) = self.waiting.next(now, self.lookup.admits_refused())
        {
            self.look_up(key);
        }
    }

    /// Looks up the address for the first session that waits for it.
    ///
    /// First the rest of a backlog is read, because it may contain the session's closing. Then the session's message in the
    /// stream is read: a record says who the visitor is, and a closed session needs no paid call.
    fn look_up(&mut self, key: Key) {
        let Some(wanted) = self.waiting.lookup(key) else {
            return;
        };
        let (guid, ip) = (wanted.sighting.guid.clone(), wanted.sighting.ip.clone());
        let (interest, failures, early) = (wanted.interest, wanted.failures, wanted.early);
        let span = self.span(*wanted.ticket, "look up");
        let (lookup, updater) = (self.lookup.clone(), self.updater.clone());
        let backlog = self.backlog.is_read();
        self.lookups.push(trace::within(span, async move {
            backlog.await;
            if interest.is_lost() {
                return LookupDone::Verdict(key, Err(Arc::new(LookupFailure::NotWanted)));
            }
            match updater.read(&guid).await {
                Ok(PublishOutcome::Published(record)) if record.unidentified => {}
                Ok(stored @ (PublishOutcome::Published(_) | PublishOutcome::Closed(..))) => {
                    return LookupDone::Stored(key, guid, stored);
                }
                // If the stream cannot be read, the bucket cannot either, and the lookup reports that.
                Ok(PublishOutcome::Missing | PublishOutcome::Hidden) | Err(_) => {}
            }
            LookupDone::Verdict(key, lookup.verdict(key, &ip, &interest, failures, early).await)
        }));
    }

    pub(super) async fn on_lookup_done(&mut self, done: LookupDone) {
        match done {
            LookupDone::Verdict(key, found) => self.on_verdict(key, found).await,
            LookupDone::Stored(key, guid, outcome) => self.adopt_stored(key, &guid, outcome),
        }
    }

    /// The fleet has already published the session with its identity, or closed it, so it needs no verdict.
    fn adopt_stored(&mut self, key: Key, guid: &Guid, outcome: PublishOutcome) {
        self.metrics.lookups.saved_by_fleet.inc();
        self.waiting.identified(guid);
        self.sessions.adopt(guid, outcome, clock::uptime());
        let waiting = self.waiting.take_session(key, guid);
        let waiting = self.resumed(waiting);
        self.undecided.extend(waiting);
        // Other sessions may wait for the same address.
        self.waiting.put_back(key);
        self.start_lookups();
    }

    /// Some enricher has a verdict on an address.
    pub(super) async fn on_verdict_stored(&mut self, key: Key) {
        let Some(found) = self.lookup.cached(key).await else {
            return;
        };
        if found.verdict == Verdict::Hidden {
            self.hide_address(key);
        }
        if self.waiting.contains(key) {
            self.metrics.lookups.saved_by_fleet.inc();
            self.metrics
                .lookups
                .verdicts
                .found(VerdictSource::Fleet, &found.verdict);
            self.apply_verdict(key, &found).await;
        }
    }

    async fn on_verdict(&mut self, key: Key, looked_up: Result<LookedUp, Arc<LookupFailure>>) {
        match looked_up {
            Ok(LookedUp { found, is_from_call }) => {
                self.apply_verdict(key, &found).await;
                if is_from_call {
                    self.waiting.succeeded(Instant::now().into_std());
                }
            }
            Err(failure) if matches!(*failure, LookupFailure::HeldBack(_)) => self.waiting.put_back(key),
            Err(failure) => {
                // The address is not logged: it may turn out to be one that must not be shown.
                tracing::debug!(%failure, "a lookup yielded no verdict; it is retried");
                let now = Instant::now().into_std();
                self.waiting
                    .failed(key, failure.retry(clock::now()), now, rand::random());
            }
        }
        self.start_lookups();
    }

    async fn apply_verdict(&mut self, key: Key, found: &CachedVerdict) {
        let now = clock::uptime();
        let mut waiting = self.waiting.take(key);
        // So that the record contains what is known about the opening from the start.
        waiting.sort_by_key(|(sighting, _)| !sighting.opening);
        for (sighting, id) in self.resumed(waiting) {
            match self.sessions.decide(&sighting.guid, sighting.times(), now) {
                Action::Identify | Action::TouchAndIdentify => {
                    self.on_identified(sighting, id, found, now).await;
                }
                action => self.act(action, sighting, id, now).await,
            }
        }
    }

    /// Records that messages no longer wait for a verdict.
    pub(super) fn resumed(&mut self, waiting: Vec<(Sighting, DeliveryId)>) -> Vec<(Sighting, DeliveryId)> {
        for (_, id) in &waiting {
            self.in_flight.resume(*id);
        }
        waiting
    }

    /// Publishes the record that says who it is, unless it must not be shown.
    async fn on_identified(
        &mut self,
        sighting: Sighting,
        id: DeliveryId,
        found: &CachedVerdict,
        now: Millis,
    ) {
        if let Some(profile) = found.verdict.profile() {
            self.publish_profile(sighting, id, profile, Some(found.looked_up_at), now)
                .await;
        } else {
            self.waiting.identified(&sighting.guid);
            self.hide(sighting, id, now);
        }
    }

    /// Publishes the record, with everything that is known without a call.
    async fn publish_profile(
        &mut self,
        sighting: Sighting,
        id: DeliveryId,
        mut profile: Profile,
        identified_at: Option<Timestamp>,
        now: Millis,
    ) {
        self.waiting.identified(&sighting.guid);
        self.free_tier.complete(&sighting.ip, &mut profile);
        let record = Record {
            identified_at,
            ..sighting.record(profile)
        };
        self.publish(sighting, record, id, now).await;
    }

    /// An opened event rarely finds a published record, so the record is written without a read. A keep-alive is rarely
    /// the first event that the fleet sees of its session, because another enricher received the opened event.
    pub(super) async fn publish(
        &mut self,
        sighting: Sighting,
        mut record: Record,
        id: DeliveryId,
        now: Millis,
    ) {
        if !self.capacity.admits_records() {
            return self.wait_for_capacity(sighting, id, now).await;
        }
        self.lost_openings.complete(&mut record);
        self.sessions.begin_publish(&sighting.guid, now);
        if sighting.opening {
            self.publish_first(sighting, record, id).await;
        } else {
            let span = self.span(id, "look for record");
            self.publisher.read(sighting, record, id, span).await;
        }
    }

    async fn wait_for_capacity(&mut self, sighting: Sighting, id: DeliveryId, now: Millis) {
        let (kind, guid) = (sighting.kind(), sighting.guid.clone());
        let waiting = self.awaiting_capacity.len();
        match self.awaiting_capacity.add(sighting, id) {
            Ok(superseded) => {
                self.in_flight.wait(id);
                let is_new = self.awaiting_capacity.len() > waiting;
                self.metrics.records_refused.inc_by(u64::from(is_new));
                self.fold(kind, superseded).await;
            }
            Err(id) => self.postpone_waiting(kind, guid, id, now).await,
        }
    }

    /// A further sighting of a waiting session makes one of its messages unnecessary, if there is one.
    async fn fold(&mut self, kind: EventKind, superseded: Option<DeliveryId>) {
        if let Some(superseded) = superseded {
            self.metrics.outcomes.count(kind, EventOutcome::Folded);
            self.in_flight.resume(superseded);
            self.complete(superseded, true).await;
        }
    }

    /// Too many sessions wait here, so this one waits in the queue.
    async fn postpone_waiting(&mut self, kind: EventKind, guid: Guid, id: DeliveryId, now: Millis) {
        self.waiting
            .postponed(guid, expected_again(now, Redelivery::Later));
        self.postpone(kind, id).await;
    }

    /// Gives back the message of an event that is not worth a prompt retry.
    pub(super) async fn postpone(&mut self, kind: EventKind, id: DeliveryId) {
        self.metrics.outcomes.count(kind, EventOutcome::Postponed);
        self.give_back(id, Redelivery::Later).await;
    }

    pub(super) async fn publish_first(&mut self, sighting: Sighting, record: Record, id: DeliveryId) {
        self.capacity.record_written();
        let span = self.span(id, "write record");
        self.publisher.record(sighting, record, id, span).await;
    }

    /// Merges into the published record, in as many steps as that takes.
    pub(super) fn update(&mut self, sighting: Sighting, record: Record, id: DeliveryId) {
        let updater = self.updater.clone();
        let span = self.span(id, "write record");
        self.updates.push(trace::within(span, async move {
            let outcome = updater.merge(&record).await;
            UpdateDone::Record(sighting, id, outcome)
        }));
    }
}
