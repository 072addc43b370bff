//! The end of the pipeline.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::Interval;

use super::Pipeline;
use crate::queue::delivery::give_back;
use crate::queue::in_flight::Redelivery;
use crate::queue::intake::Intake;

impl Pipeline {
    /// Gives back what has not begun or waits for a verdict or for room, and finishes writes and paid calls that are in progress.
    pub(super) async fn drain(mut self, mut intake: mpsc::Receiver<Intake>, mut housekeeping: Interval) {
        while let Ok(intake) = intake.try_recv() {
            if let Intake::Delivery(message) = intake {
                give_back(&message, Duration::ZERO).await;
            }
        }
        let mut waiting = self.waiting.take_all();
        waiting.extend(self.awaiting_capacity.take_all());
        for (_, id) in self.resumed(waiting) {
            self.give_back(id, Redelivery::AtOnce).await;
        }
        for record in self.awaiting_opening.take_all() {
            self.give_back(record.ticket, Redelivery::AtOnce).await;
        }
        while self.publisher.pending() > 0 || !self.updates.is_empty() {
            tokio::select! {
                written = self.publisher.answers() => self.on_written(written).await,
                Some(done) = self.updates.next(), if !self.updates.is_empty() => self.on_update_done(done).await,
                _ = housekeeping.tick() => self.run_housekeeping().await,
            }
            self.decide_undecided().await;
            self.send_activities().await;
        }
        for delivery in self.in_flight.abandon() {
            delivery.give_back(Redelivery::AtOnce).await;
        }
        while self.lookups.next().await.is_some() {}
    }
}
