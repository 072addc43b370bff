//! What an event of an active session causes.

use protocol::{Activity, EventKind, Millis};
use service::{clock, trace};

use super::Pipeline;
use super::results::UpdateDone;
use crate::queue::ledger::DeliveryId;
use crate::records::sessions::Action;
use crate::sighting::Sighting;
use crate::tally::Fate;

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
                self.ledger.expect(id);
                self.touch(kind, sighting.activity(), id);
                self.identify(sighting, id, now).await;
            }
            Action::Update => self.update_record(sighting, id),
            Action::Renew(tombstone) => {
                self.gauges.fates.count(kind, Fate::Tombstone);
                self.write_tombstone(&tombstone, id).await;
            }
            Action::Ignore => {
                self.gauges.fates.count(kind, Fate::Ignored);
                self.settle(id, true).await;
            }
            Action::Hide => {
                self.gauges.fates.count(kind, Fate::Hidden);
                self.settle(id, true).await;
            }
            Action::Defer => {
                if sighting.opening {
                    self.opening_came(&sighting).await;
                }
                self.sessions.defer(sighting, id);
            }
        }
    }

    pub(super) fn touch(&mut self, kind: EventKind, activity: Activity, id: DeliveryId) {
        self.gauges.fates.count(kind, Fate::Activity);
        self.activities.push(activity, id);
    }

    fn update_record(&mut self, sighting: Sighting, id: DeliveryId) {
        let amender = self.amender.clone();
        let span = self.span(id, "complete record");
        self.amendments.push(trace::within(span, async move {
            let outcome = amender.complete(&sighting).await;
            UpdateDone::Record(sighting, id, outcome)
        }));
    }
}
