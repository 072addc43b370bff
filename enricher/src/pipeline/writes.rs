//! Writes to the streams, and what follows from their results.

use protocol::{Activity, Record, Tombstone};
use service::clock;
use service::log_throttle::LogThrottle;
use service::requests::NotStored;

use super::Pipeline;
use super::results::UpdateDone;
use crate::metrics::outcomes::EventOutcome;
use crate::queue::in_flight::DeliveryId;
use crate::records::publish::Written;
use crate::records::sessions::{PublishOutcome, Published};
use crate::records::stored_record::{Addition, StoredRecord};
use crate::records::write_error::WriteError;
use crate::sighting::Sighting;

impl Pipeline {
    pub(super) async fn write_tombstone(&mut self, tombstone: &Tombstone, id: DeliveryId) {
        self.metrics
            .tombstones_shortened
            .inc_by(u64::from(self.capacity.is_tight()));
        self.capacity.tombstone_written();
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
                Written::Stored(sighting, record, id, stored) => {
                    self.on_stored_record_read(sighting, record, id, stored).await;
                }
                Written::Tombstone(id, outcome) => {
                    let succeeded = report(outcome).is_some();
                    self.metrics.tombstones.inc_by(u64::from(succeeded));
                    self.complete(id, succeeded).await;
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
            return self.update(sighting, record, id);
        }
        let published = PublishOutcome::Published(Published::of(&record, clock::uptime()));
        let outcome = report(outcome).map(|()| (published, true));
        self.on_record_written(sighting, id, outcome).await;
    }

    /// The stream's message of a session that is new to this enricher has been read.
    async fn on_stored_record_read(
        &mut self,
        sighting: Sighting,
        record: Record,
        id: DeliveryId,
        stored: Result<Option<StoredRecord>, WriteError>,
    ) {
        match report(stored) {
            None => self.on_record_written(sighting, id, None).await,
            Some(None) => self.publish_or_wait(sighting, record, id).await,
            Some(Some(stored)) => match stored.add(&record, clock::uptime()) {
                Addition::None(outcome) => self.on_record_written(sighting, id, Some((outcome, false))).await,
                Addition::Record(_) => self.update(sighting, record, id),
            },
        }
    }

    async fn on_activities_written(&mut self, batch: Vec<(Activity, DeliveryId)>, succeeded: bool) {
        self.activities.settled();
        if succeeded {
            self.metrics.activities.inc_by(batch.len() as u64);
        }
        for (_, id) in batch {
            self.complete(id, succeeded).await;
        }
    }

    pub(super) async fn on_update_done(&mut self, done: UpdateDone) {
        match done {
            UpdateDone::Record(sighting, id, outcome) => {
                self.on_record_written(sighting, id, report(outcome)).await;
            }
            UpdateDone::Hidden(sighting, id, outcome) => {
                self.on_hidden(sighting, id, report(outcome)).await;
            }
            UpdateDone::UnidentifiedHidden(guid, outcome) => {
                self.on_unidentified_hidden(&guid, report(outcome));
            }
        }
    }

    /// The first record of a session was written, or the record that was there already says enough (`false`).
    async fn on_record_written(
        &mut self,
        sighting: Sighting,
        id: DeliveryId,
        outcome: Option<(PublishOutcome, bool)>,
    ) {
        let Some((outcome, written)) = outcome else {
            // The deferred events come again with their messages, like this one.
            for (_, deferred) in self.sessions.end_publish(&sighting.guid, PublishOutcome::Missing) {
                self.complete(deferred, false).await;
            }
            self.metrics
                .outcomes
                .count(sighting.kind(), EventOutcome::Postponed);
            return self.complete(id, false).await;
        };
        self.metrics.records.inc_by(u64::from(written));
        if outcome != PublishOutcome::Missing {
            self.lost_openings.forget(&sighting.guid);
        }
        let deferred = self.sessions.end_publish(&sighting.guid, outcome);
        if written {
            self.metrics.outcomes.count(sighting.kind(), EventOutcome::Record);
            self.complete(id, true).await;
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
