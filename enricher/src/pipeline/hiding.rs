//! Taking away what must not be shown.

use protocol::{Guid, Millis, Tombstone};
use service::clock;
use service::trace;

use super::{Done, Pipeline};
use crate::address_key::Key;
use crate::queue::ledger::DeliveryId;
use crate::records::sessions::Outcome;
use crate::sighting::Sighting;
use crate::tally::Fate;
use crate::verdict::Verdict;

impl Pipeline {
    /// A session of a hidden company leaves no trace. Where a record is out, because an enricher showed it unidentified or
    /// hides by other rules, a tombstone takes its place.
    pub(super) fn hide(&mut self, sighting: Sighting, id: DeliveryId, now: Millis) {
        self.gauges.fates.count(sighting.kind(), Fate::Hidden);
        self.sessions.publishing(&sighting.guid, now);
        let tombstone = self.hidden(&sighting);
        let amender = self.amender.clone();
        let span = self.span(id, "hide record");
        self.amendments.push(trace::within(span, async move {
            let outcome = amender.hide(&tombstone).await;
            Done::Hidden(sighting, id, outcome)
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

    /// It is known that no record is out of a session that must not be shown, or not known.
    pub(super) async fn hidden_written(
        &mut self,
        sighting: Sighting,
        id: DeliveryId,
        outcome: Option<(Outcome, bool)>,
    ) {
        let succeeded = outcome.is_some();
        let (outcome, written) = outcome.unwrap_or((Outcome::Missing, false));
        self.gauges.records_hidden.inc_by(u64::from(written));
        let now = clock::uptime();
        for (held, id) in self.sessions.published(&sighting.guid, outcome) {
            if succeeded {
                Box::pin(self.see(held, id, now)).await;
            } else {
                self.settle(id, false).await;
            }
        }
        self.settle(id, succeeded).await;
    }

    /// Some enricher has learned that nobody from this address must be shown: those who are shown unidentified go.
    pub(super) fn address_hidden(&mut self, key: Key) {
        for guid in self.unidentified.of(key) {
            self.hide_unidentified(guid);
        }
    }

    /// Takes a row away without an event of its session.
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
            Done::UnidentifiedHidden(tombstone.guid, outcome)
        }));
    }

    /// A row that was shown unidentified is gone. Where it is not, or its record was still on its way, it is tried again
    /// within a second.
    pub(super) fn unidentified_hidden(&mut self, guid: &Guid, outcome: Option<(Outcome, bool)>) {
        if let Some((outcome, written)) = outcome {
            self.gauges.records_hidden.inc_by(u64::from(written));
            self.sessions.replaced(guid, outcome, clock::uptime());
        }
    }

    /// Hides those of which it has become known that they must not be shown, and who are shown all the same.
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
