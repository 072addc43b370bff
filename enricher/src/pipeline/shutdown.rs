//! The end of the pipeline.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::Interval;

use super::Pipeline;
use crate::queue::delivery::give_back;
use crate::queue::intake::Intake;

impl Pipeline {
    /// Gives back what has not begun or waits for a verdict, and finishes writes and paid calls that are in progress.
    pub(super) async fn drain(mut self, mut intake: mpsc::Receiver<Intake>, mut housekeeping: Interval) {
        while let Ok(intake) = intake.try_recv() {
            if let Intake::Delivery(message) = intake {
                give_back(&message, Duration::ZERO).await;
            }
        }
        let waiting = self.waiting.take_all();
        for (_, id) in self.resumed(waiting) {
            self.settle_after(id, false, Duration::ZERO).await;
        }
        for held in self.held.take_all() {
            self.settle_after(held.ticket, false, Duration::ZERO).await;
        }
        while self.publisher.under_way() > 0 || !self.amendments.is_empty() {
            tokio::select! {
                written = self.publisher.answers() => self.on_written(written).await,
                Some(done) = self.amendments.next(), if !self.amendments.is_empty() => self.on_update_done(done).await,
                _ = housekeeping.tick() => self.run_housekeeping().await,
            }
            self.decide_undecided().await;
            self.send_activities().await;
        }
        for delivery in self.ledger.abandon() {
            delivery.give_back().await;
        }
        while self.lookups.next().await.is_some() {}
    }
}
