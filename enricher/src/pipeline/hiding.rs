//! Hiding sessions.

use protocol::{Guid, Millis, Tombstone};
use service::clock;
use service::trace;

use super::Pipeline;
use super::results::UpdateDone;
use crate::address_key::Key;
use crate::metrics::outcomes::EventOutcome;
use crate::queue::in_flight::DeliveryId;
use crate::records::sessions::PublishOutcome;
use crate::sighting::Sighting;
use crate::verdict::Verdict;

impl Pipeline {
    /// Makes sure that no record of a hidden session is published. An enricher that showed it unidentified or filters
    /// by other rules may have written one; a tombstone replaces it.
    pub(super) fn hide(&mut self, sighting: Sighting, id: DeliveryId, now: Millis) {
        self.metrics.outcomes.count(sighting.kind(), EventOutcome::Hidden);
        self.sessions.begin_publish(&sighting.guid, now);
        let tombstone = self.hidden_tombstone(&sighting);
        let updater = self.updater.clone();
        let span = self.span(id, "hide record");
        self.updates.push(trace::within(span, async move {
            let outcome = updater.hide(&tombstone).await;
            UpdateDone::Hidden(sighting, id, outcome)
        }));
    }

    fn hidden_tombstone(&self, sighting: &Sighting) -> Tombstone {
        Tombstone {
            guid: sighting.guid.clone(),
            closed_at: clock::now(),
            received_at: sighting.received_at,
            hidden: true,
            ttl: self.capacity.tombstone_ttl(),
        }
    }

    /// The attempt to hide a session has ended.
    pub(super) async fn on_hidden(
        &mut self,
        sighting: Sighting,
        id: DeliveryId,
        outcome: Option<(PublishOutcome, bool)>,
    ) {
        let succeeded = outcome.is_some();
        let (outcome, written) = outcome.unwrap_or((PublishOutcome::Missing, false));
        self.metrics.records_hidden.inc_by(u64::from(written));
        let deferred = self.sessions.end_publish(&sighting.guid, outcome);
        if succeeded {
            self.undecided.extend(deferred);
        } else {
            for (_, id) in deferred {
                self.complete(id, false).await;
            }
        }
        self.complete(id, succeeded).await;
    }

    /// The verdict on an address is "hidden": hides its sessions that are shown unidentified.
    pub(super) fn hide_address(&mut self, key: Key) {
        for guid in self.shown_unidentified.of(key) {
            self.hide_unidentified(guid);
        }
    }

    /// Hides a session without an event of it.
    fn hide_unidentified(&mut self, guid: Guid) {
        let now = clock::now();
        let tombstone = Tombstone {
            guid,
            closed_at: now,
            received_at: now,
            hidden: true,
            ttl: self.capacity.tombstone_ttl(),
        };
        let updater = self.updater.clone();
        self.updates.push(Box::pin(async move {
            let outcome = updater.hide(&tombstone).await;
            UpdateDone::UnidentifiedHidden(tombstone.guid, outcome)
        }));
    }

    /// The attempt to hide an unidentified session has ended. Housekeeping tries again if it failed, or if the record
    /// was still being published.
    pub(super) fn on_unidentified_hidden(&mut self, guid: &Guid, outcome: Option<(PublishOutcome, bool)>) {
        if let Some((outcome, written)) = outcome {
            self.metrics.records_hidden.inc_by(u64::from(written));
            self.sessions.adopt(guid, outcome, clock::uptime());
        }
    }

    /// Hides sessions that are shown unidentified although the verdict on their address is "hidden".
    pub(super) async fn hide_unidentified_sessions(&mut self) {
        let sessions = &self.sessions;
        self.shown_unidentified
            .forget(|guid| !sessions.may_be_shown_unidentified(guid));
        for key in self.shown_unidentified.keys() {
            let hidden = self.lookup.cached(key).await;
            if hidden.is_some_and(|found| found.verdict == Verdict::Hidden) {
                self.hide_address(key);
            }
        }
    }
}
