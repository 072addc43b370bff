//! Raw messages: what each event in them needs.

use std::sync::atomic::Ordering;

use async_nats::jetstream::Message;
use protocol::event::{self, RECEIVED_AT_HEADER};
use protocol::{Activity, Event, EventKind, Guid, Millis, Timestamp, Tombstone, time};
use service::{clock, last_message};

use super::{Pipeline, expected_again};
use crate::metrics::outcomes::EventOutcome;
use crate::queue::delivery::Delivery;
use crate::queue::in_flight::{DeliveryId, Redelivery};
use crate::queue::intake::Intake;
use crate::records::sessions::Action;
use crate::sighting::{EventTimes, Sighting, seen_page, seen_referrer};

impl Pipeline {
    pub(super) async fn on_intake(&mut self, intake: Intake) {
        match intake {
            Intake::Connected { sessions_lost } => self.on_connected(sessions_lost).await,
            Intake::Delivery(message) => self.on_message(*message).await,
        }
    }

    /// Forgets everything in progress, because its answers are lost: the queue redelivers its messages. Calls continue,
    /// because they are paid for.
    async fn on_connected(&mut self, sessions_lost: bool) {
        self.publisher.abandon();
        self.updates.clear();
        self.activities.abandon();
        let waiting = self.waiting.take_all();
        for (sighting, _) in waiting.into_iter().chain(self.awaiting_capacity.take_all()) {
            let until = expected_again(clock::uptime(), Redelivery::Soon);
            self.waiting.postponed(sighting.guid, until);
        }
        drop(self.awaiting_opening.take_all());
        if sessions_lost {
            let now = clock::uptime();
            self.awaiting_opening.stream_lost(now);
            for (guid, published) in self.sessions.published_records() {
                self.lost_openings.note(guid.clone(), published, now);
            }
            self.metrics.records_out.store(0, Ordering::Relaxed);
        }
        self.sessions.reconnected(sessions_lost);
        for delivery in self.in_flight.abandon() {
            delivery.give_back(Redelivery::AtOnce).await;
        }
    }

    async fn on_message(&mut self, message: Message) {
        let now = clock::uptime();
        self.timeline.advance(clock::read());
        let fallback = message.info().map_or(self.timeline.now(), |info| {
            let published = last_message::timestamp(info.published);
            self.metrics.queue_waiting.set(info.pending);
            self.backlog
                .taken(self.timeline.now() - published, info.delivered > 1, info.pending);
            published
        });
        let payload = message.payload.clone();
        let received_at = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(RECEIVED_AT_HEADER))
            .map(ToString::to_string);
        let first_time = message.info().is_ok_and(|info| info.delivered == 1);
        let id = self.in_flight.begin(Delivery::new(message), now);
        let mut oldest = None;
        for (line, received_at) in event::lines(&payload, received_at.as_deref(), fallback) {
            oldest.get_or_insert(received_at);
            match Event::parse(line) {
                Ok(event) => self.on_event(&event, received_at, id, now).await,
                Err(reason) => self.rejected.reject(reason, payload.slice_ref(line)).await,
            }
        }
        if let Some(oldest) = oldest.filter(|_| first_time) {
            self.metrics.queue.since(oldest);
        }
        self.complete(id, true).await;
    }

    async fn on_event(&mut self, event: &Event<'_>, received_at: Timestamp, id: DeliveryId, now: Millis) {
        // The parser has checked the guid.
        let Ok(guid) = Guid::new(&event.guid) else { return };
        // A step of the NATS server's clock does not affect the emitter's: its time is compared with the original receipt.
        let (at, replaced) = time::believable(event.timestamp, received_at);
        let received_at = self.timeline.adapt(received_at);
        self.metrics.event(event.kind);
        if replaced {
            self.metrics.timestamps_replaced.inc();
        }
        self.in_flight.add(id);
        let opening = match event.kind {
            EventKind::SessionOpened => true,
            EventKind::KeepAlive => false,
            EventKind::SessionClosed => {
                let tombstone = Tombstone {
                    guid,
                    closed_at: at,
                    received_at,
                    hidden: false,
                    ttl: self.capacity.tombstone_ttl(),
                };
                return self.on_closed(tombstone, &event.ip, id, now).await;
            }
        };
        let times = EventTimes {
            opening,
            at,
            received_at,
            referrer_at: event.reported.referrer.is_some().then_some(at),
        };
        match self.sessions.decide(&guid, times, now) {
            // Most events: they need no copy of the address.
            Action::Touch => {
                let page = seen_page(&event.reported, at);
                let activity = Activity {
                    guid,
                    at,
                    received_at,
                    page,
                };
                self.touch(event.kind, activity, id);
            }
            action => {
                let sighting = Sighting {
                    guid,
                    ip: event.ip.as_ref().into(),
                    opening,
                    at,
                    received_at,
                    page: seen_page(&event.reported, at),
                    referrer: seen_referrer(&event.reported, at),
                };
                self.act(action, sighting, id, now).await;
            }
        }
    }

    /// Ends a session. A session of a data centre has no record and never will, so it needs no tombstone. Other companies
    /// may be shown again under other settings, and another enricher may have shown the session unidentified.
    async fn on_closed(&mut self, tombstone: Tombstone, ip: &str, id: DeliveryId, now: Millis) {
        let kind = EventKind::SessionClosed;
        if !self.publish_hidden_closings && self.sessions.is_hidden(&tombstone.guid) {
            self.metrics.outcomes.count(kind, EventOutcome::Hidden);
            return self.complete(id, true).await;
        }
        self.metrics.outcomes.count(kind, EventOutcome::Tombstone);
        self.close(tombstone, ip, id, now).await;
    }

    /// Ends a session: it needs no verdict any longer.
    async fn close(&mut self, tombstone: Tombstone, ip: &str, id: DeliveryId, now: Millis) {
        self.waiting.identified(&tombstone.guid);
        self.lost_openings.forget(&tombstone.guid);
        self.drop_waiting_record(&tombstone.guid).await;
        let mut settled = self.sessions.close(tombstone.clone(), now);
        let without_room = self.awaiting_capacity.take_session(&tombstone.guid);
        settled.extend(self.resumed(without_room));
        if self.waiting.len() > 0 {
            let waiting = self.waiting.take_session(self.hasher.key(ip), &tombstone.guid);
            settled.extend(self.resumed(waiting));
        }
        for (_, id) in settled {
            self.complete(id, true).await;
        }
        self.write_tombstone(&tombstone, id).await;
    }
}
