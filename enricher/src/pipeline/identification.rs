//! Finding out who is behind a session that is not known yet.

use std::sync::Arc;

use protocol::{Guid, Millis, Profile, Record};
use service::clock;
use service::trace::{self, Span};

use super::{Done, MAX_WAITING, Pipeline, heard_of_again};
use crate::answer::Failure;
use crate::entry::{Found, Key};
use crate::ledger::DeliveryId;
use crate::sessions::{Next, Outcome, Sighting};
use crate::tally::{Fate, Level};

impl Pipeline {
    /// Publishes the session if its verdict is here; otherwise it waits for one.
    pub(super) async fn identify(&mut self, sighting: Sighting, id: DeliveryId, now: Millis) {
        let key = self.hasher.key(&sighting.ip);
        if let Some(found) = self.lookup.cached(key).await {
            self.gauges.saved_by_cache.inc();
            self.gauges.verdicts.found(Level::Cache, &found.verdict);
            return self.identified(sighting, id, &found, now).await;
        }
        // Nobody pays for a visitor who has already left: an event that is too old to make its session active waits
        // until a younger one of the session has caused the call.
        if clock::now() - sighting.received_at > self.stale_after {
            self.gauges.fates.count(sighting.kind(), Fate::Postponed);
            self.settle(id, false).await;
        } else if self.waiting.len() >= MAX_WAITING {
            self.postpone(sighting, id).await;
        } else if self.waiting.add(key, sighting, id) {
            let span = self.span(id, "look up");
            self.look_up(key, span);
        } else {
            self.gauges.saved_by_sharing.inc();
        }
    }

    /// Looks up the address for the first session that waits for it.
    ///
    /// The rest of a backlog comes first: it may say that the session is closed. Then what the fleet has written of it: a
    /// record says who it is, and for one that is closed nobody need pay.
    fn look_up(&mut self, key: Key, span: Option<Span>) {
        let Some((sighting, interest)) = self.waiting.first(key) else {
            return;
        };
        let (guid, ip) = (sighting.guid.clone(), sighting.ip.clone());
        let (lookup, amender) = (self.lookup.clone(), self.amender.clone());
        let backlog = self.backlog.is_read();
        self.lookups.push(trace::within(span, async move {
            backlog.await;
            if interest.is_lost() {
                return Done::Lookup(key, Err(Arc::new(Failure::NotWanted)));
            }
            match amender.look(&guid).await {
                Ok(Outcome::Published(record)) if record.unidentified => {}
                Ok(standing @ (Outcome::Published(_) | Outcome::Closed(..))) => {
                    return Done::Standing(key, guid, standing);
                }
                // Where the stream cannot be read, the fleet cannot be asked either, and says so.
                Ok(Outcome::Missing | Outcome::Hidden) | Err(_) => {}
            }
            Done::Lookup(key, lookup.verdict(key, &ip, &interest).await)
        }));
    }

    /// The fleet has written of the session before: it needs no verdict.
    pub(super) async fn found_standing(&mut self, key: Key, guid: Guid, outcome: Outcome) {
        let now = clock::uptime();
        self.gauges.saved_by_fleet.inc();
        self.waiting.identified(&guid);
        if self.sessions.is_unknown(&guid) {
            self.sessions.publishing(&guid, now);
            self.sessions.published(&guid, outcome);
        }
        for (sighting, id) in self.waiting.take_session(key, &guid) {
            Box::pin(self.see(sighting, id, now)).await;
        }
        self.look_up(key, None);
    }

    pub(super) async fn looked_up(&mut self, key: Key, found: Result<Arc<Found>, Arc<Failure>>) {
        let now = clock::uptime();
        let failure = match found {
            Ok(found) => {
                for (sighting, id) in self.waiting.take(key) {
                    let kind = sighting.kind();
                    match self.sessions.see(sighting, id, now) {
                        Next::Identify(sighting, id) | Next::TouchAndIdentify(sighting, id) => {
                            self.identified(sighting, id, &found, now).await;
                        }
                        next => self.act(next, kind).await,
                    }
                }
                return;
            }
            Err(failure) => failure,
        };
        if matches!(*failure, Failure::NotWanted) {
            // Somebody may want it again since.
            return self.look_up(key, None);
        }
        // Without the address: it may turn out to be one that must not be shown.
        tracing::debug!(%failure, "no verdict for now");
        for (sighting, id) in self.waiting.take(key) {
            self.postpone(sighting, id).await;
        }
    }

    /// Publishes the record that says who it is, unless it must not be shown.
    async fn identified(&mut self, sighting: Sighting, id: DeliveryId, found: &Found, now: Millis) {
        self.waiting.identified(&sighting.guid);
        match found.verdict.profile() {
            Some(profile) => {
                let record = Record {
                    identified_at: Some(found.looked_up_at),
                    ..sighting.record(profile)
                };
                self.publish(sighting, record, id, now).await;
            }
            None => self.hide(sighting, id, now),
        }
    }

    /// After an opening most often no record is out, so it is not asked before one is written. A keep-alive is rarely the
    /// first that the fleet sees of its session: another enricher had the opening.
    async fn publish(&mut self, sighting: Sighting, record: Record, id: DeliveryId, now: Millis) {
        if !self.room.admits_records() {
            self.gauges.records_refused.inc();
            self.gauges.fates.count(sighting.kind(), Fate::Postponed);
            self.waiting.postponed(sighting.guid, heard_of_again(now));
            return self.settle(id, false).await;
        }
        self.sessions.publishing(&sighting.guid, now);
        if sighting.opening {
            self.publish_first(sighting, record, id).await;
        } else {
            let span = self.span(id, "look for record");
            self.publisher.look(sighting, record, id, span).await;
        }
    }

    pub(super) async fn publish_first(&mut self, sighting: Sighting, record: Record, id: DeliveryId) {
        self.room.record_written();
        let span = self.span(id, "write record");
        self.publisher.record(sighting, record, id, span).await;
    }

    /// Adds to the record that is out, in as many steps as that takes.
    pub(super) fn amend(&mut self, sighting: Sighting, record: Record, id: DeliveryId) {
        let amender = self.amender.clone();
        let span = self.span(id, "write record");
        self.amendments.push(trace::within(span, async move {
            let outcome = amender.add(&record).await;
            Done::Record(sighting, id, outcome)
        }));
    }

    /// No verdict for now: the message goes back to the queue, and the session goes on counting as being identified. One
    /// that has waited for as long as the operator allows is shown all the same.
    async fn postpone(&mut self, sighting: Sighting, id: DeliveryId) {
        let now = clock::uptime();
        let waited = clock::now() - sighting.received_at;
        let is_shown = self.show_unidentified_after.is_some_and(|after| waited >= after)
            && self.sessions.is_unknown(&sighting.guid);
        let key = self.hasher.key(&sighting.ip);
        // Another enricher may have learned by now that the visitor must not be shown.
        if is_shown && let Some(found) = self.lookup.cached(key).await {
            return self.identified(sighting, id, &found, now).await;
        }
        self.gauges.fates.count(sighting.kind(), Fate::Postponed);
        self.waiting.postponed(sighting.guid.clone(), heard_of_again(now));
        if is_shown {
            self.ledger.expect(id);
            self.unidentified.add(key, sighting.guid.clone());
            let record = Record {
                unidentified: true,
                ..sighting.record(Profile::default())
            };
            self.publish(sighting, record, id, now).await;
        }
        self.settle(id, false).await;
    }
}
