//! What an event of an active session causes.

use protocol::{Activity, EventKind, Millis};
use service::{clock, trace};

use super::Pipeline;
use super::results::UpdateDone;
use crate::metrics::outcomes::EventOutcome;
use crate::queue::in_flight::DeliveryId;
use crate::records::sessions::Action;
use crate::sighting::Sighting;

impl Pipeline {
    /// Decides about the events whose session has changed.
    pub(super) async fn decide_undecided(&mut self) {
        while let Some((sighting, id)) = self.undecided.pop_front() {
            let now = clock::uptime();
            let action = self.sessions.decide(&sighting.guid, sighting.times(), now);
            self.act(action, sighting, id, now).await;
        }
    }

    pub(super) async fn act(&mut self, action: Action, sighting: Sighting, id: DeliveryId, now: Millis) {
        let kind = sighting.kind();
        match action {
            Action::Identify => self.identify(sighting, id, now).await,
            Action::Touch => self.touch(kind, sighting.activity(), id),
            Action::TouchAndIdentify => {
                self.in_flight.add(id);
                self.touch(kind, sighting.activity(), id);
                self.identify(sighting, id, now).await;
            }
            Action::Update => self.update_record(sighting, id),
            Action::Renew(tombstone) => {
                self.metrics.outcomes.count(kind, EventOutcome::Tombstone);
                self.write_tombstone(&tombstone, id).await;
            }
            Action::Ignore => {
                self.metrics.outcomes.count(kind, EventOutcome::Ignored);
                self.complete(id, true).await;
            }
            Action::Hide => {
                self.metrics.outcomes.count(kind, EventOutcome::Hidden);
                self.complete(id, true).await;
            }
            Action::Defer => {
                if sighting.opening {
                    self.on_opening(&sighting).await;
                }
                self.sessions.defer(sighting, id);
            }
        }
    }

    pub(super) fn touch(&mut self, kind: EventKind, activity: Activity, id: DeliveryId) {
        self.metrics.outcomes.count(kind, EventOutcome::Activity);
        self.activities.push(activity, id);
    }

    fn update_record(&mut self, sighting: Sighting, id: DeliveryId) {
        let updater = self.updater.clone();
        let span = self.span(id, "complete record");
        self.updates.push(trace::within(span, async move {
            let outcome = updater.merge_sighting(&sighting).await;
            UpdateDone::Record(sighting, id, outcome)
        }));
    }
}
