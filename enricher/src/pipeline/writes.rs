//! Writes to the streams, and what follows from their results.

use protocol::{Activity, Record, Tombstone};
use service::clock;
use service::log_throttle::LogThrottle;
use service::requests::NotStored;

use super::Pipeline;
use super::results::UpdateDone;
use crate::queue::ledger::DeliveryId;
use crate::records::publish::Written;
use crate::records::sessions::{Outcome, Published};
use crate::records::standing::{Addition, Standing};
use crate::records::write_error::WriteError;
use crate::sighting::Sighting;
use crate::tally::Fate;

impl Pipeline {
    pub(super) async fn write_tombstone(&mut self, tombstone: &Tombstone, id: DeliveryId) {
        self.gauges
            .tombstones_shortened
            .inc_by(u64::from(self.room.is_tight()));
        self.room.tombstone_written();
        let span = self.span(id, "write tombstone");
        self.publisher.tombstone(tombstone, id, span).await;
    }

    pub(super) async fn send_activities(&mut self) {
        while let Some(batch) = self.activities.next() {
            let span = batch
                .iter()
                .find_map(|(_, id)| self.span(*id, "write activities"));
            self.publisher.activities(batch, span).await;
        }
    }

    pub(super) async fn on_written(&mut self, written: Vec<Written>) {
        for written in written {
            match written {
                Written::Record(sighting, record, id, outcome) => {
                    self.on_first_record_written(sighting, record, id, outcome).await;
                }
                Written::Standing(sighting, record, id, standing) => {
                    self.on_record_read(sighting, record, id, standing).await;
                }
                Written::Tombstone(id, outcome) => {
                    let succeeded = report(outcome).is_some();
                    self.gauges.tombstones.inc_by(u64::from(succeeded));
                    self.settle(id, succeeded).await;
                }
                Written::Activities(batch, outcome) => {
                    self.on_activities_written(batch, report(outcome).is_some()).await;
                }
            }
        }
    }

    async fn on_first_record_written(
        &mut self,
        sighting: Sighting,
        record: Record,
        id: DeliveryId,
        outcome: Result<(), WriteError>,
    ) {
        if matches!(outcome, Err(WriteError::NotStored(NotStored::Occupied))) {
            return self.amend(sighting, record, id);
        }
        let published = Outcome::Published(Published::of(&record, clock::uptime()));
        let outcome = report(outcome).map(|()| (published, true));
        self.on_record_written(sighting, id, outcome).await;
    }

    /// The stream has told what it holds of a session that is new to this enricher.
    async fn on_record_read(
        &mut self,
        sighting: Sighting,
        record: Record,
        id: DeliveryId,
        standing: Result<Option<Standing>, WriteError>,
    ) {
        match report(standing) {
            None => self.on_record_written(sighting, id, None).await,
            Some(None) => self.publish_or_hold(sighting, record, id).await,
            Some(Some(standing)) => match standing.add(&record, clock::uptime()) {
                Addition::None(outcome) => self.on_record_written(sighting, id, Some((outcome, false))).await,
                Addition::Record(_) => self.amend(sighting, record, id),
            },
        }
    }

    async fn on_activities_written(&mut self, batch: Vec<(Activity, DeliveryId)>, succeeded: bool) {
        self.activities.settled();
        if succeeded {
            self.gauges.activities.inc_by(batch.len() as u64);
        }
        for (_, id) in batch {
            self.settle(id, succeeded).await;
        }
    }

    pub(super) async fn on_update_done(&mut self, done: UpdateDone) {
        match done {
            UpdateDone::Record(sighting, id, outcome) => {
                self.on_record_written(sighting, id, report(outcome)).await;
            }
            UpdateDone::Hidden(sighting, id, outcome) => {
                self.hidden_written(sighting, id, report(outcome)).await;
            }
            UpdateDone::UnidentifiedHidden(guid, outcome) => self.unidentified_hidden(&guid, report(outcome)),
        }
    }

    /// The first record of a session was written, or the record that was there already says enough (`false`).
    async fn on_record_written(
        &mut self,
        sighting: Sighting,
        id: DeliveryId,
        outcome: Option<(Outcome, bool)>,
    ) {
        let Some((outcome, written)) = outcome else {
            // The deferred events come again with their messages, like this one.
            for (_, deferred) in self.sessions.published(&sighting.guid, Outcome::Missing) {
                self.settle(deferred, false).await;
            }
            self.gauges.fates.count(sighting.kind(), Fate::Postponed);
            return self.settle(id, false).await;
        };
        self.gauges.records.inc_by(u64::from(written));
        if outcome != Outcome::Missing {
            self.openings.forget(&sighting.guid);
        }
        let deferred = self.sessions.published(&sighting.guid, outcome);
        if written {
            self.gauges.fates.count(sighting.kind(), Fate::Record);
            self.settle(id, true).await;
        } else {
            self.undecided.push_back((sighting, id));
        }
        self.undecided.extend(deferred);
    }
}

/// Logs an error and drops it: what caused it goes back to the queue.
fn report<T, E: std::error::Error + 'static>(outcome: Result<T, E>) -> Option<T> {
    outcome
        .inspect_err(|error| {
            static NOT_WRITTEN: LogThrottle = LogThrottle::new();
            if let Some(suppressed) = NOT_WRITTEN.allow() {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    suppressed,
                    "a write failed; its raw message goes back to the queue"
                );
            }
        })
        .ok()
}
