//! Holding back first records that do not know their session's opening.

use std::time::Duration;

use protocol::{Guid, Record};
use service::clock;
use tokio::time::sleep;

use super::{Done, Pipeline};
use crate::queue::delivery::Delivery;
use crate::queue::ledger::DeliveryId;
use crate::queue::opened_events::{OpenedEvents, Scan};
use crate::records::held::{HeldRecord, OldestOpening};
use crate::sighting::Sighting;

/// How often the queue is looked at while a record waits.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

impl Pipeline {
    /// Publishes the first record of a session of which nothing is out, or holds it back: see [`crate::records::held`].
    pub(super) async fn publish_or_hold(&mut self, sighting: Sighting, record: Record, id: DeliveryId) {
        let sequence = self.ledger.get(id).and_then(Delivery::sequence);
        let Some(sequence) = sequence.filter(|_| record.opened_at.is_none() && !self.held.is_full()) else {
            return self.publish_first(sighting, record, id).await;
        };
        let now = clock::uptime();
        if self.held.is_empty() {
            self.look_for_openings(Duration::ZERO);
        }
        self.held.add(sighting, record, id, sequence, now);
    }

    /// The oldest opened event in the queue is known.
    pub(super) async fn openings_looked(&mut self, oldest: OldestOpening) {
        for held in self.held.take_released(oldest, clock::uptime()) {
            self.release(held).await;
        }
        self.look_again();
    }

    /// More of the opened events in the queue were read.
    pub(super) async fn openings_scanned(&mut self, opened: OpenedEvents, scan: Scan) {
        for opening in opened.openings {
            self.opening_came(&opening).await;
        }
        if opened.until < scan.target && !self.held.is_empty() {
            return self.scan_openings(Scan {
                read: opened.until,
                ..scan
            });
        }
        for held in self.held.take_scanned(opened.until, scan.started_at) {
            self.release(held).await;
        }
        // Those that have waited for too long, because it is never read to the end.
        self.openings_looked(OldestOpening::Unknown).await;
    }

    fn look_again(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let now = clock::uptime();
        match self.held.scan_until(now) {
            None => self.look_for_openings(LOOK_INTERVAL),
            Some(target) => self.scan_openings(Scan {
                started_at: now,
                target,
                read: 0,
            }),
        }
    }

    /// The opened event of a session is known, whose record may wait for it.
    pub(super) async fn opening_came(&mut self, opening: &Sighting) {
        if self.held.is_empty() {
            return;
        }
        if let Some(held) = self.held.take_opened(opening) {
            self.release(held).await;
        }
    }

    /// The session is closed: its record is not wanted any longer.
    pub(super) async fn drop_held(&mut self, guid: &Guid) {
        if let Some(held) = self.held.take_session(guid) {
            self.settle(held.ticket, true).await;
        }
    }

    async fn release(&mut self, held: HeldRecord<DeliveryId>) {
        self.publish_first(held.sighting, held.record, held.ticket).await;
    }

    fn look_for_openings(&mut self, pause: Duration) {
        let amender = self.amender.clone();
        self.opening_looks.push(Box::pin(async move {
            sleep(pause).await;
            Done::OldestOpening(amender.oldest_opening().await)
        }));
    }

    fn scan_openings(&mut self, scan: Scan) {
        let amender = self.amender.clone();
        self.opening_looks.push(Box::pin(async move {
            sleep(LOOK_INTERVAL).await;
            match amender.opened_events(scan).await {
                Ok(opened) => Done::OpenedEvents(opened, scan),
                Err(error) => {
                    tracing::debug!(%error, "the opened events in the queue cannot be read");
                    Done::OldestOpening(OldestOpening::Unknown)
                }
            }
        }));
    }
}
