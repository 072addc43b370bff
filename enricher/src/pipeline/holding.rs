//! Holding back first records without an opening time.

use std::time::Duration;

use protocol::{Guid, Record};
use service::clock;
use tokio::time::sleep;

use super::Pipeline;
use super::results::OpeningsRead;
use crate::queue::delivery::Delivery;
use crate::queue::ledger::DeliveryId;
use crate::queue::opened_events::{OldestOpening, OpenedEvents, Scan};
use crate::records::held::HeldRecord;
use crate::sighting::Sighting;

/// How often the queue is read while a record waits.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

impl Pipeline {
    /// Publishes the first record of a session, or holds it back; see [`crate::records::held`].
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

    pub(super) async fn on_openings_read(&mut self, read: OpeningsRead) {
        match read {
            OpeningsRead::Oldest(oldest) => self.openings_looked(oldest).await,
            OpeningsRead::Scanned(opened, scan) => self.openings_scanned(opened, scan).await,
        }
    }

    /// The oldest opened event in the queue is known.
    async fn openings_looked(&mut self, oldest: OldestOpening) {
        for held in self.held.take_released(oldest, clock::uptime()) {
            self.release(held).await;
        }
        self.look_again();
    }

    /// Some of the opened events in the queue were read.
    async fn openings_scanned(&mut self, opened: OpenedEvents, scan: Scan) {
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
        // Releases records that have waited too long because the scan never reached the end.
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

    /// The opened event of a session is known: releases its record if that waits.
    pub(super) async fn opening_came(&mut self, opening: &Sighting) {
        if self.held.is_empty() {
            return;
        }
        if let Some(held) = self.held.take_opened(opening) {
            self.release(held).await;
        }
    }

    /// The session is closed: its record is not needed any longer.
    pub(super) async fn drop_held(&mut self, guid: &Guid) {
        if let Some(held) = self.held.take_session(guid) {
            self.settle(held.ticket, true).await;
        }
    }

    async fn release(&mut self, held: HeldRecord<DeliveryId>) {
        self.publish_first(held.sighting, held.record, held.ticket).await;
    }

    fn look_for_openings(&mut self, pause: Duration) {
        let reader = self.opened_events.clone();
        self.opening_looks.push(Box::pin(async move {
            sleep(pause).await;
            OpeningsRead::Oldest(reader.oldest().await)
        }));
    }

    fn scan_openings(&mut self, scan: Scan) {
        let reader = self.opened_events.clone();
        self.opening_looks.push(Box::pin(async move {
            sleep(LOOK_INTERVAL).await;
            match reader.next(scan).await {
                Ok(opened) => OpeningsRead::Scanned(opened, scan),
                Err(error) => {
                    tracing::debug!(%error, "the opened events in the queue cannot be read");
                    OpeningsRead::Oldest(OldestOpening::Unknown)
                }
            }
        }));
    }
}
