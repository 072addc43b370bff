//! Hiding sessions.

use protocol::{Guid, Millis, Tombstone};
use service::clock;
use service::trace;

use super::Pipeline;
use super::results::UpdateDone;
use crate::address_key::Key;
use crate::queue::ledger::DeliveryId;
use crate::records::sessions::Outcome;
use crate::sighting::Sighting;
use crate::tally::Fate;
use crate::verdict::Verdict;

impl Pipeline {
    /// Makes sure that no record of a hidden session is published. An enricher that showed it unidentified or filters
    /// by other rules may have written one; a tombstone replaces it.
    pub(super) fn hide(&mut self, sighting: Sighting, id: DeliveryId, now: Millis) {
        self.gauges.fates.count(sighting.kind(), Fate::Hidden);
        self.sessions.publishing(&sighting.guid, now);
        let tombstone = self.hidden(&sighting);
        let amender = self.amender.clone();
        let span = self.span(id, "hide record");
        self.amendments.push(trace::within(span, async move {
            let outcome = amender.hide(&tombstone).await;
            UpdateDone::Hidden(sighting, id, outcome)
        }));
    }

    fn hidden(&self, sighting: &Sighting) -> Tombstone {
        Tombstone {
            guid: sighting.guid.clone(),
            closed_at: clock::now(),
            received_at: sighting.received_at,
            hidden: true,
            ttl: self.room.tombstone_ttl(),
        }
    }

    /// The attempt to hide a session has ended.
    pub(super) async fn hidden_written(
        &mut self,
        sighting: Sighting,
        id: DeliveryId,
        outcome: Option<(Outcome, bool)>,
    ) {
        let succeeded = outcome.is_some();
        let (outcome, written) = outcome.unwrap_or((Outcome::Missing, false));
        self.gauges.records_hidden.inc_by(u64::from(written));
        let deferred = self.sessions.published(&sighting.guid, outcome);
        if succeeded {
            self.undecided.extend(deferred);
        } else {
            for (_, id) in deferred {
                self.settle(id, false).await;
            }
        }
        self.settle(id, succeeded).await;
    }

    /// The verdict on an address is "hidden": hides its sessions that are shown unidentified.
    pub(super) fn address_hidden(&mut self, key: Key) {
        for guid in self.unidentified.of(key) {
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
            ttl: self.room.tombstone_ttl(),
        };
        let amender = self.amender.clone();
        self.amendments.push(Box::pin(async move {
            let outcome = amender.hide(&tombstone).await;
            UpdateDone::UnidentifiedHidden(tombstone.guid, outcome)
        }));
    }

    /// The attempt to hide an unidentified session has ended. Housekeeping tries again if it failed, or if the record
    /// was still being published.
    pub(super) fn unidentified_hidden(&mut self, guid: &Guid, outcome: Option<(Outcome, bool)>) {
        if let Some((outcome, written)) = outcome {
            self.gauges.records_hidden.inc_by(u64::from(written));
            self.sessions.replaced(guid, outcome, clock::uptime());
        }
    }

    /// Hides sessions that are shown unidentified although the verdict on their address is "hidden".
    pub(super) async fn hide_overdue(&mut self) {
        let sessions = &self.sessions;
        self.unidentified
            .forget(|guid| sessions.is_not_out_unidentified(guid));
        for key in self.unidentified.keys() {
            let hidden = self.lookup.cached(key).await;
            if hidden.is_some_and(|found| found.verdict == Verdict::Hidden) {
                self.address_hidden(key);
            }
        }
    }
}
