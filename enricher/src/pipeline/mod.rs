//! The enricher's loop: from raw messages through verdicts to records, tombstones and activities.
//!
//! Everything that decides is in the pure parts; here they are put together. One task owns all state. What has to wait,
//! a call or an acknowledgement, is a future whose end comes back to the loop, so that nothing holds up anything else.

mod hiding;
mod holding;
mod identification;
mod unidentified;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::Message;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use protocol::event::{self, RECEIVED_AT_HEADER};
use protocol::{Activity, Event, EventKind, Guid, Millis, Record, Tombstone, time};
use service::clock::Timeline;
use service::freeze::Freeze;
use service::log_throttle::LogThrottle;
use service::rejected::Rejected;
use service::requests::NotStored;
use service::trace::{self, Span};
use service::{clock, last_message};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::address_key::AddressHasher;
use crate::address_key::Key;
use crate::gauges::Gauges;
use crate::lookup::Lookup;
use crate::lookup::cache::entry::Found;
use crate::lookup::failure::LookupFailure as Failure;
use crate::lookup::free_tier::FreeTier;
use crate::lookup::waiting::Waiting;
use crate::pipeline::unidentified::Unidentified;
use crate::queue::backlog::Backlog;
use crate::queue::delivery::{Delivery, give_back};
use crate::queue::intake::Intake;
use crate::queue::ledger::{DeliveryId, Ledger, Report};
use crate::queue::opened_events::{OpenedEvents, Scan};
use crate::records::activity::Activities;
use crate::records::amend::{AmendError, Amender};
use crate::records::held::{Held, OldestOpening};
use crate::records::openings::Openings;
use crate::records::publish::{NotWritten, Publisher, Written};
use crate::records::sessions::{Next, Outcome, Published, Sessions};
use crate::records::sessions_room::SessionsRoom;
use crate::records::standing::{Addition, Standing};
use crate::sighting::Sighting;
use crate::tally::Fate;

/// The most raw messages handled at once, without those that only wait for verdicts.
const MAX_BUSY_DELIVERIES: usize = 2048;

/// The most writes that may be unacknowledged at once.
const MAX_WRITES: usize = 4096;

/// The most sessions that wait here for a verdict; what comes on top waits in the queue.
const MAX_WAITING: usize = 100_000;

/// The longest that a message that could not be handled stays in the queue before it is tried again.
const MAX_RETURN_DELAY: Duration = Duration::from_secs(4);

/// The same for one that there is no use in handling soon: its session is silent, or too many wait.
const MAX_IDLE_RETURN_DELAY: Duration = Duration::from_mins(1);

/// How much longer than its delay a message may take until it is heard of again.
const RETURN_SLACK: Duration = Duration::from_secs(2);

/// While calls are held back, how often it is looked whether they are again.
const HELD_BACK_LOOKS: Duration = Duration::from_millis(100);

/// Something that was waited for.
enum Done {
    Record(Sighting, DeliveryId, Result<(Outcome, bool), AmendError>),
    Lookup(Key, Result<Arc<Found>, Arc<Failure>>),
    Standing(Key, Guid, Outcome),
    Hidden(Sighting, DeliveryId, Result<(Outcome, bool), AmendError>),
    UnidentifiedHidden(Guid, Result<(Outcome, bool), AmendError>),
    OldestOpening(OldestOpening),
    OpenedEvents(OpenedEvents, Scan),
}

type Futures = FuturesUnordered<BoxFuture<'static, Done>>;

/// What a pipeline is made of.
pub struct Setup {
    /// Finds verdicts.
    pub lookup: Lookup,
    /// Knows networks and countries without a call.
    pub free_tier: FreeTier,
    /// Names addresses.
    pub hasher: AddressHasher,
    /// Publishes.
    pub publisher: Publisher,
    /// Writes in several steps.
    pub amender: Amender,
    /// The room in the stream of sessions.
    pub room: SessionsRoom,
    /// Addresses on which some enricher has a verdict.
    pub judged: mpsc::UnboundedReceiver<Key>,
    /// Takes what cannot be used.
    pub rejected: Rejected,
    /// After how much silence a session is stale.
    pub stale_after: Duration,
    /// How long a lookup may keep failing until its session is shown all the same.
    pub show_unidentified_after: Option<Duration>,
    /// Whether closings of hidden sessions are published, because other settings would show the session or its end.
    pub publish_hidden_closings: bool,
    /// What is counted.
    pub gauges: Arc<Gauges>,
}

/// The enricher's state.
pub struct Pipeline {
    lookup: Lookup,
    hasher: AddressHasher,
    publisher: Publisher,
    amender: Amender,
    room: SessionsRoom,
    unidentified: Unidentified,
    judged: mpsc::UnboundedReceiver<Key>,
    rejected: Rejected,
    gauges: Arc<Gauges>,
    free_tier: FreeTier,
    stale_after: Millis,
    show_unidentified_after: Option<Millis>,
    publish_hidden_closings: bool,
    ledger: Ledger<Delivery>,
    sessions: Sessions<DeliveryId>,
    openings: Openings,
    held: Held<DeliveryId>,
    waiting: Waiting<DeliveryId>,
    backlog: Backlog,
    activities: Activities<DeliveryId>,
    amendments: Futures,
    lookups: Futures,
    /// Looks at the queue for opened events.
    opening_looks: Futures,
    /// For times of receipt; all else is measured by the monotonic clock.
    timeline: Timeline,
    freeze: Freeze,
}

impl Pipeline {
    /// With nothing under way.
    pub fn new(setup: Setup) -> Self {
        Self {
            lookup: setup.lookup,
            free_tier: setup.free_tier,
            hasher: setup.hasher,
            publisher: setup.publisher,
            amender: setup.amender,
            room: setup.room,
            unidentified: Unidentified::default(),
            judged: setup.judged,
            rejected: setup.rejected,
            gauges: setup.gauges,
            stale_after: time::millis(setup.stale_after),
            show_unidentified_after: setup.show_unidentified_after.map(time::millis),
            publish_hidden_closings: setup.publish_hidden_closings,
            ledger: Ledger::new(),
            sessions: Sessions::default(),
            openings: Openings::default(),
            held: Held::new(),
            waiting: Waiting::new(),
            backlog: Backlog::new(),
            activities: Activities::new(),
            amendments: Futures::new(),
            lookups: Futures::new(),
            opening_looks: Futures::new(),
            timeline: Timeline::new(clock::read()),
            freeze: Freeze::new(Instant::now()),
        }
    }

    /// Handles what comes until `shutdown`; then gives back what waits for a verdict, and finishes the rest.
    pub async fn run(mut self, mut intake: mpsc::Receiver<Intake>, shutdown: CancellationToken) {
        let mut housekeeping = interval(Duration::from_secs(1));
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !shutdown.is_cancelled() {
            let writes = self.publisher.under_way() + self.amendments.len();
            let room = self.ledger.busy() < MAX_BUSY_DELIVERIES && writes < MAX_WRITES;
            let next_lookup = self.next_lookup();
            tokio::select! {
                () = shutdown.cancelled() => {}
                written = self.publisher.answers() => self.written(written).await,
                Some(done) = self.amendments.next(), if !self.amendments.is_empty() => self.done(done).await,
                Some(done) = self.lookups.next(), if !self.lookups.is_empty() => self.done(done).await,
                Some(done) = self.opening_looks.next(), if !self.opening_looks.is_empty() => self.done(done).await,
                Some(key) = self.judged.recv() => self.judged(key).await,
                Some(intake) = intake.recv(), if room => self.take(intake).await,
                () = sleep_until(next_lookup) => self.start_lookups(),
                _ = housekeeping.tick() => self.keep_house().await,
            }
            self.send_activities().await;
        }
        self.drain(intake, housekeeping).await;
    }

    /// Gives back what has not begun or waits for a verdict, and finishes what is under way: writes, and calls that are
    /// paid for.
    async fn drain(mut self, mut intake: mpsc::Receiver<Intake>, mut housekeeping: Interval) {
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
                written = self.publisher.answers() => self.written(written).await,
                Some(done) = self.amendments.next(), if !self.amendments.is_empty() => self.done(done).await,
                _ = housekeeping.tick() => self.keep_house().await,
            }
            self.send_activities().await;
        }
        for delivery in self.ledger.abandon() {
            delivery.give_back().await;
        }
        while self.lookups.next().await.is_some() {}
    }

    async fn take(&mut self, intake: Intake) {
        match intake {
            Intake::Connected { sessions_lost } => self.reconnected(sessions_lost).await,
            Intake::Delivery(message) => self.deliver(*message).await,
        }
    }

    /// The answers to all that was under way are lost. What is in the queue comes again; calls go on, they are paid for.
    async fn reconnected(&mut self, sessions_lost: bool) {
        self.publisher.abandon();
        self.amendments = Futures::new();
        self.activities.abandon();
        for (sighting, _) in self.waiting.take_all() {
            let until = heard_of_again(clock::uptime(), MAX_RETURN_DELAY);
            self.waiting.postponed(sighting.guid, until);
        }
        // They come again with their messages.
        drop(self.held.take_all());
        if sessions_lost {
            let now = clock::uptime();
            self.held.stream_lost(now);
            for (guid, published) in self.sessions.published_records() {
                self.openings.note(guid.clone(), published, now);
            }
            self.gauges.records_out.store(0, Ordering::Relaxed);
        }
        self.sessions.reconnected(sessions_lost);
        for delivery in self.ledger.abandon() {
            delivery.give_back().await;
        }
    }

    async fn deliver(&mut self, message: Message) {
        let now = clock::uptime();
        self.timeline.advance(clock::read());
        let fallback = message.info().map_or(self.timeline.now(), |info| {
            let published = last_message::millis(info.published);
            self.gauges.queue_waiting.set(info.pending);
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
        let id = self.ledger.open(Delivery::new(message), now);
        let mut oldest = None;
        for (line, received_at) in event::lines(&payload, received_at.as_deref(), fallback) {
            oldest.get_or_insert(received_at);
            match Event::parse(line) {
                Ok(event) => self.event(&event, received_at, id, now).await,
                Err(reason) => self.rejected.reject(reason, payload.slice_ref(line)).await,
            }
        }
        if let Some(oldest) = oldest.filter(|_| first_time) {
            self.gauges.queue.since(oldest);
        }
        self.settle(id, true).await;
    }

    async fn event(&mut self, event: &Event<'_>, received_at: Millis, id: DeliveryId, now: Millis) {
        // The parser has checked the guid.
        let Ok(guid) = Guid::new(&event.guid) else { return };
        // The emitter's clock made no step with the NATS server's: its time is judged by the receipt as it was stamped.
        let (at, replaced) = time::believable(event.timestamp, received_at);
        let received_at = self.timeline.adapt(received_at);
        self.gauges.event(event.kind);
        if replaced {
            self.gauges.timestamps_replaced.inc();
        }
        self.ledger.expect(id);
        if event.kind == EventKind::SessionClosed {
            let tombstone = Tombstone {
                guid,
                closed_at: at,
                received_at,
                hidden: false,
                ttl: self.room.tombstone_ttl(),
            };
            self.closed(tombstone, &event.ip, id, now).await;
        } else {
            let opening = event.kind == EventKind::SessionOpened;
            if self.sessions.touch(&guid, opening, at, now) {
                return self.touch(event.kind, Activity::new(guid, at, received_at), id);
            }
            let sighting = Sighting {
                guid,
                ip: event.ip.as_ref().into(),
                opening,
                at,
                received_at,
            };
            self.see(sighting, id, now).await;
        }
    }

    /// A session of a data centre has no record and never will, so it needs no tombstone. Other companies may be shown
    /// again under other settings, and another enricher may have shown the session unidentified.
    async fn closed(&mut self, tombstone: Tombstone, ip: &str, id: DeliveryId, now: Millis) {
        let kind = EventKind::SessionClosed;
        if !self.publish_hidden_closings && self.sessions.is_hidden(&tombstone.guid) {
            self.gauges.fates.count(kind, Fate::Hidden);
            return self.settle(id, true).await;
        }
        self.gauges.fates.count(kind, Fate::Tombstone);
        self.close(tombstone, ip, id, now).await;
    }

    /// Ends a session; nobody need find out any longer who it was.
    async fn close(&mut self, tombstone: Tombstone, ip: &str, id: DeliveryId, now: Millis) {
        self.waiting.identified(&tombstone.guid);
        self.openings.forget(&tombstone.guid);
        self.drop_held(&tombstone.guid).await;
        let mut settled = self.sessions.close(tombstone.clone(), now);
        if self.waiting.len() > 0 {
            let waiting = self.waiting.take_session(self.hasher.key(ip), &tombstone.guid);
            settled.extend(self.resumed(waiting));
        }
        for (_, held) in settled {
            self.settle(held, true).await;
        }
        self.bury(&tombstone, id).await;
    }

    async fn see(&mut self, sighting: Sighting, id: DeliveryId, now: Millis) {
        let kind = sighting.kind();
        if sighting.opening {
            self.opening_came(&sighting).await;
        }
        match self.sessions.see(sighting, id, now) {
            Next::Identify(sighting, id) => self.identify(sighting, id, now).await,
            Next::TouchAndIdentify(sighting, id) => {
                self.ledger.expect(id);
                self.touch(kind, sighting.activity(), id);
                self.identify(sighting, id, now).await;
            }
            next => self.act(next, kind).await,
        }
    }

    fn touch(&mut self, kind: EventKind, activity: Activity, id: DeliveryId) {
        self.gauges.fates.count(kind, Fate::Activity);
        self.activities.push(activity, id);
    }

    /// Does what an event of a session that has a verdict needs.
    async fn act(&mut self, next: Next<DeliveryId>, kind: EventKind) {
        match next {
            Next::Complete(sighting, id) => self.complete(sighting, id),
            Next::Touch(sighting, id) => self.touch(kind, sighting.activity(), id),
            Next::Renew(tombstone, id) => {
                self.gauges.fates.count(kind, Fate::Tombstone);
                self.bury(&tombstone, id).await;
            }
            Next::Hidden(id) => {
                self.gauges.fates.count(kind, Fate::Hidden);
                self.settle(id, true).await;
            }
            Next::Nothing(id) => {
                self.gauges.fates.count(kind, Fate::Ignored);
                self.settle(id, true).await;
            }
            Next::Held | Next::Identify(..) | Next::TouchAndIdentify(..) => {}
        }
    }

    fn complete(&mut self, sighting: Sighting, id: DeliveryId) {
        let amender = self.amender.clone();
        let span = self.span(id, "complete record");
        self.amendments.push(trace::within(span, async move {
            let outcome = amender.complete(&sighting).await;
            Done::Record(sighting, id, outcome)
        }));
    }

    async fn bury(&mut self, tombstone: &Tombstone, id: DeliveryId) {
        self.gauges
            .tombstones_shortened
            .inc_by(u64::from(self.room.is_tight()));
        self.room.tombstone_written();
        let span = self.span(id, "write tombstone");
        self.publisher.tombstone(tombstone, id, span).await;
    }

    async fn send_activities(&mut self) {
        while let Some(batch) = self.activities.next() {
            let span = batch
                .iter()
                .find_map(|(_, id)| self.span(*id, "write activities"));
            self.publisher.activities(batch, span).await;
        }
    }

    async fn written(&mut self, written: Vec<Written>) {
        for written in written {
            match written {
                Written::Record(sighting, record, id, outcome) => {
                    self.first_record_written(sighting, record, id, outcome).await;
                }
                Written::Standing(sighting, record, id, standing) => {
                    self.looked(sighting, record, id, standing).await;
                }
                Written::Tombstone(id, outcome) => {
                    let succeeded = report(outcome).is_some();
                    self.gauges.tombstones.inc_by(u64::from(succeeded));
                    self.settle(id, succeeded).await;
                }
                Written::Activities(batch, outcome) => {
                    self.activities_written(batch, report(outcome).is_some()).await;
                }
            }
        }
    }

    async fn first_record_written(
        &mut self,
        sighting: Sighting,
        record: Record,
        id: DeliveryId,
        outcome: Result<(), NotWritten>,
    ) {
        if matches!(outcome, Err(NotWritten::NotStored(NotStored::Occupied))) {
            return self.amend(sighting, record, id);
        }
        let published = Outcome::Published(Published::of(&record, clock::uptime()));
        let outcome = report(outcome).map(|()| (published, true));
        self.record_written(sighting, id, outcome).await;
    }

    /// It is known what is out of a session that this enricher has not met before.
    async fn looked(
        &mut self,
        sighting: Sighting,
        record: Record,
        id: DeliveryId,
        standing: Result<Option<Standing>, NotWritten>,
    ) {
        match report(standing) {
            None => self.record_written(sighting, id, None).await,
            Some(None) => self.publish_or_hold(sighting, record, id).await,
            Some(Some(standing)) => match standing.add(&record, clock::uptime()) {
                Addition::None(outcome) => self.record_written(sighting, id, Some((outcome, false))).await,
                Addition::Record(_) => self.amend(sighting, record, id),
            },
        }
    }

    async fn activities_written(&mut self, batch: Vec<(Activity, DeliveryId)>, succeeded: bool) {
        self.activities.settled();
        if succeeded {
            self.gauges.activities.inc_by(batch.len() as u64);
        }
        for (_, id) in batch {
            self.settle(id, succeeded).await;
        }
    }

    async fn done(&mut self, done: Done) {
        match done {
            Done::Record(sighting, id, outcome) => self.record_written(sighting, id, report(outcome)).await,
            Done::Lookup(key, verdict) => self.looked_up(key, verdict).await,
            Done::Standing(key, guid, outcome) => self.found_standing(key, guid, outcome).await,
            Done::Hidden(sighting, id, outcome) => self.hidden_written(sighting, id, report(outcome)).await,
            Done::UnidentifiedHidden(guid, outcome) => self.unidentified_hidden(&guid, report(outcome)),
            Done::OldestOpening(oldest) => self.openings_looked(oldest).await,
            Done::OpenedEvents(opened, scan) => self.openings_scanned(opened, scan).await,
        }
    }

    async fn record_written(&mut self, sighting: Sighting, id: DeliveryId, outcome: Option<(Outcome, bool)>) {
        let now = clock::uptime();
        let Some((outcome, written)) = outcome else {
            // What was held back for it comes again with its message, like the sighting itself.
            for (_, held) in self.sessions.published(&sighting.guid, Outcome::Missing) {
                self.settle(held, false).await;
            }
            self.gauges.fates.count(sighting.kind(), Fate::Postponed);
            self.settle(id, false).await;
            return;
        };
        self.gauges.records.inc_by(u64::from(written));
        if outcome != Outcome::Missing {
            self.openings.forget(&sighting.guid);
        }
        let held = self.sessions.published(&sighting.guid, outcome);
        if written {
            self.gauges.fates.count(sighting.kind(), Fate::Record);
            self.settle(id, true).await;
        } else {
            Box::pin(self.see(sighting, id, now)).await;
        }
        for (sighting, id) in held {
            Box::pin(self.see(sighting, id, now)).await;
        }
    }

    /// A span for something that a message causes, if the message is traced.
    fn span(&self, id: DeliveryId, name: &'static str) -> Option<Span> {
        if !trace::is_on() {
            return None;
        }
        self.ledger.get(id)?.span()?.child(name)
    }

    async fn settle(&mut self, id: DeliveryId, succeeded: bool) {
        self.settle_after(id, succeeded, MAX_RETURN_DELAY).await;
    }

    async fn settle_after(&mut self, id: DeliveryId, succeeded: bool, max_delay: Duration) {
        let Some(finished) = self.ledger.settle(id, succeeded) else {
            return;
        };
        if finished.succeeded {
            finished.message.acknowledge().await;
        } else {
            self.gauges.returned.inc();
            finished.message.postpone(max_delay).await;
        }
    }

    async fn keep_house(&mut self) {
        let now = clock::uptime();
        // What seems unanswered after a freeze may be answered, and not read yet.
        if self.freeze.is_over(Instant::now()) {
            let overdue = self.publisher.overdue();
            self.written(overdue).await;
        }
        self.openings.forget_old(now);
        if self.sessions.forget_idle(now) {
            let out = self.sessions.published_count();
            self.gauges.records_out.store(out, Ordering::Relaxed);
        }
        self.sessions.keep_tombstones(self.room.tombstone_ttl());
        self.hide_overdue().await;
        self.stop_waiting_for_the_silent().await;
        self.show_unidentified().await;
        for (delivery, report) in self.ledger.reports(now) {
            match report {
                Report::Progress => delivery.progress().await,
                Report::Hold(delay) => delivery.hold(delay).await,
            }
        }
        self.gauges.deliveries.set(self.ledger.len() as u64);
        self.gauges.sessions.set(self.sessions.count() as u64);
        let being_identified = self.waiting.being_identified(now);
        self.gauges.being_identified.set(being_identified as u64);
        self.gauges.set_unidentified(self.waiting.sample());
    }
}

/// Until when a session without a verdict is heard of again, here or at another enricher.
fn heard_of_again(now: Millis, delay: Duration) -> Millis {
    now + time::millis(delay + RETURN_SLACK)
}

/// Logs an error and drops it: what caused it goes back to the queue.
fn report<T, E: std::error::Error + 'static>(outcome: Result<T, E>) -> Option<T> {
    outcome
        .inspect_err(|error| {
            static NOT_WRITTEN: LogThrottle = LogThrottle::new();
            if let Some(suppressed) = NOT_WRITTEN.allow() {
                tracing::warn!(error = error as &dyn std::error::Error, suppressed, "not written");
            }
        })
        .ok()
}
