//! What is due once a second.

use std::sync::atomic::Ordering;

use protocol::{Profile, Record};
use service::clock;
use tokio::time::Instant;

use super::Pipeline;
use crate::queue::in_flight::Report;

impl Pipeline {
    pub(super) async fn run_housekeeping(&mut self) {
        let now = clock::uptime();
        // After a freeze, writes that seem unanswered may have answers that are not read yet.
        if self.freeze.is_over(Instant::now()) {
            let overdue = self.publisher.overdue();
            self.on_written(overdue).await;
        }
        self.lost_openings.forget_old(now);
        if self.sessions.forget_idle(now) {
            let out = self.sessions.published_records().count() as u64;
            self.metrics.records_out.store(out, Ordering::Relaxed);
        }
        self.sessions.set_tombstone_ttl(self.capacity.tombstone_ttl());
        self.hide_unidentified_sessions().await;
        self.give_up_silent_sessions().await;
        self.use_capacity();
        self.show_unidentified().await;
        for (delivery, report) in self.in_flight.reports(now) {
            match report {
                Report::Progress => delivery.progress().await,
                Report::Hold(delay) => delivery.hold(delay).await,
            }
        }
        self.metrics.deliveries.set(self.in_flight.len() as u64);
        self.metrics.sessions.set(self.sessions.count() as u64);
        let being_identified = self.waiting.being_identified(now) + self.awaiting_capacity.len();
        self.metrics.being_identified.set(being_identified as u64);
        self.metrics
            .set_unidentified(self.waiting.sample_with(self.awaiting_capacity.guids()));
    }

    /// Decides again about as many of the sessions that wait for room as there is room for.
    fn use_capacity(&mut self) {
        let waiting = self.awaiting_capacity.take(self.capacity.records_admitted());
        let waiting = self.resumed(waiting);
        self.undecided.extend(waiting);
    }

    /// A session that has been silent for long is not looked up or shown; its messages go back to the queue, where a later
    /// event may need them.
    async fn give_up_silent_sessions(&mut self) {
        let deadline = clock::now() - self.stale_after;
        let mut silent = self.waiting.drain_silent(deadline);
        silent.extend(self.awaiting_capacity.drain_silent(deadline));
        for (sighting, id) in self.resumed(silent) {
            self.postpone(sighting.kind(), id).await;
        }
    }

    /// Shows sessions that have waited for as long as `--show-unidentified-after` allows.
    async fn show_unidentified(&mut self) {
        let Some(after) = self.show_unidentified_after else {
            return;
        };
        let only_failed = !self.lookup.is_held_back();
        let due: Vec<_> = self
            .waiting
            .waiting_since(clock::now() - after, only_failed)
            .filter(|(_, sighting, _)| self.sessions.is_unknown(&sighting.guid))
            .map(|(key, sighting, id)| (key, sighting.clone(), *id))
            .collect();
        for (key, sighting, id) in due {
            self.in_flight.add(id);
            self.shown_unidentified.add(key, sighting.guid.clone());
            let mut profile = Profile::default();
            self.free_tier.complete(&sighting.ip, &mut profile);
            let record = Record {
                unidentified: true,
                ..sighting.record(profile)
            };
            self.publish(sighting, record, id, clock::uptime()).await;
        }
    }
}
