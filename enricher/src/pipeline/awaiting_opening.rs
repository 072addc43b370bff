//! Holding back first records without an opening time.

use std::time::Duration;

use protocol::{Guid, Record};
use service::clock;
use tokio::time::sleep;

use super::Pipeline;
use super::results::OpeningsRead;
use crate::queue::delivery::Delivery;
use crate::queue::in_flight::DeliveryId;
use crate::queue::opened_events::{OldestOpening, OpenedEvents, Scan};
use crate::records::awaiting_opening::WaitingRecord;
use crate::sighting::Sighting;

/// How often the queue is read while a record waits.
const READ_INTERVAL: Duration = Duration::from_millis(100);

impl Pipeline {
    /// Publishes the first record of a session, or holds it back; see [`crate::records::awaiting_opening`].
    pub(super) async fn publish_or_wait(&mut self, sighting: Sighting, record: Record, id: DeliveryId) {
        let sequence = self.in_flight.get(id).and_then(Delivery::sequence);
        let Some(sequence) =
            sequence.filter(|_| record.opened_at.is_none() && !self.awaiting_opening.is_full())
        else {
            return self.publish_first(sighting, record, id).await;
        };
        let now = clock::uptime();
        if self.awaiting_opening.is_empty() {
            self.read_oldest_opening(Duration::ZERO);
        }
        self.awaiting_opening.add(sighting, record, id, sequence, now);
    }

    pub(super) async fn on_openings_read(&mut self, read: OpeningsRead) {
        match read {
            OpeningsRead::Oldest(oldest) => self.on_oldest_opening(oldest).await,
            OpeningsRead::Scanned(opened, scan) => self.on_openings_scanned(opened, scan).await,
        }
    }

    /// The oldest opened event in the queue is known.
    async fn on_oldest_opening(&mut self, oldest: OldestOpening) {
        for waiting in self.awaiting_opening.take_released(oldest, clock::uptime()) {
            self.release(waiting).await;
        }
        self.read_on();
    }

    /// Some of the opened events in the queue were read.
    async fn on_openings_scanned(&mut self, opened: OpenedEvents, scan: Scan) {
        for opening in opened.openings {
            self.on_opening(&opening).await;
        }
        if opened.until < scan.target && !self.awaiting_opening.is_empty() {
            return self.scan_openings(Scan {
                read: opened.until,
                ..scan
            });
        }
        for waiting in self.awaiting_opening.take_scanned(opened.until, scan.started_at) {
            self.release(waiting).await;
        }
        // Releases records that have waited too long because the scan never reached the end.
        self.on_oldest_opening(OldestOpening::Unknown).await;
    }

    fn read_on(&mut self) {
        if self.awaiting_opening.is_empty() {
            return;
        }
        let now = clock::uptime();
        match self.awaiting_opening.scan_until(now) {
            None => self.read_oldest_opening(READ_INTERVAL),
            Some(target) => self.scan_openings(Scan {
                started_at: now,
                target,
                read: 0,
            }),
        }
    }

    /// The opened event of a session is known: releases its record if that waits.
    pub(super) async fn on_opening(&mut self, opening: &Sighting) {
        if self.awaiting_opening.is_empty() {
            return;
        }
        if let Some(waiting) = self.awaiting_opening.take_opened(opening) {
            self.release(waiting).await;
        }
    }

    /// The session is closed: its record is not needed any longer.
    pub(super) async fn drop_waiting_record(&mut self, guid: &Guid) {
        if let Some(waiting) = self.awaiting_opening.take_session(guid) {
            self.complete(waiting.ticket, true).await;
        }
    }

    async fn release(&mut self, waiting: WaitingRecord<DeliveryId>) {
        self.publish_first(waiting.sighting, waiting.record, waiting.ticket)
            .await;
    }

    fn read_oldest_opening(&mut self, pause: Duration) {
        let reader = self.opened_events.clone();
        self.opening_reads.push(Box::pin(async move {
            sleep(pause).await;
            OpeningsRead::Oldest(reader.oldest().await)
        }));
    }

    fn scan_openings(&mut self, scan: Scan) {
        let reader = self.opened_events.clone();
        self.opening_reads.push(Box::pin(async move {
            sleep(READ_INTERVAL).await;
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
