//! The enricher's one task: it owns all state, and turns raw messages into records, tombstones and activities.
//!
//! The pure parts decide; this folder puts them together. Calls and reads are futures, and writes are entries in a table.
//! Their results come back to the loop, so that nothing blocks it.

mod actions;
mod awaiting_opening;
mod hiding;
mod housekeeping;
mod identification;
mod raw_messages;
mod results;
mod shown_unidentified;
mod shutdown;
mod writes;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use protocol::{Millis, time};
use service::clock;
use service::clock::Timeline;
use service::freeze::Freeze;
use service::rejected::Rejected;
use service::trace::{self, Span};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::address_key::{AddressHasher, Key};
use crate::lookup::Lookup;
use crate::lookup::free_tier::FreeTier;
use crate::lookup::waiting::WaitingSessions;
use crate::metrics::Metrics;
use crate::pipeline::results::{LookupDone, OpeningsRead, UpdateDone};
use crate::pipeline::shown_unidentified::ShownUnidentified;
use crate::queue::backlog::Backlog;
use crate::queue::delivery::Delivery;
use crate::queue::in_flight::{DeliveryId, InFlight, Redelivery};
use crate::queue::intake::Intake;
use crate::queue::opened_events::OpenedEventsReader;
use crate::records::activity::Activities;
use crate::records::awaiting_capacity::AwaitingCapacity;
use crate::records::awaiting_opening::AwaitingOpening;
use crate::records::lost_openings::LostOpenings;
use crate::records::publish::Publisher;
use crate::records::sessions::Sessions;
use crate::records::stream_capacity::StreamCapacity;
use crate::records::updater::RecordUpdater;
use crate::sighting::Sighting;

/// Maximum number of raw messages handled at once, without those that only wait for verdicts.
const MAX_BUSY_DELIVERIES: usize = 2048;

/// Maximum number of writes that may be unacknowledged at once.
const MAX_WRITES: usize = 4096;

/// How long the loop sleeps at most if nothing is due.
const IDLE: Duration = Duration::from_mins(1);

/// How much longer than its delay a redelivery may take.
const RETURN_SLACK: Duration = Duration::from_secs(2);

type Futures<T> = FuturesUnordered<BoxFuture<'static, T>>;

/// The parts of a pipeline.
pub struct Setup {
    /// Finds verdicts.
    pub lookup: Lookup,
    /// Provides networks and countries without a call.
    pub free_tier: FreeTier,
    /// Names addresses.
    pub hasher: AddressHasher,
    /// Publishes.
    pub publisher: Publisher,
    /// Updates published records.
    pub updater: RecordUpdater,
    /// Reads opened events that wait in the queue.
    pub opened_events: OpenedEventsReader,
    /// The capacity of the stream of sessions.
    pub capacity: StreamCapacity,
    /// Addresses on which some enricher has a verdict.
    pub judged: mpsc::UnboundedReceiver<Key>,
    /// Receives messages that cannot be used.
    pub rejected: Rejected,
    /// How long a session may be silent before it is stale.
    pub stale_after: Duration,
    /// How long a lookup may keep failing before its session is shown anyway.
    pub show_unidentified_after: Option<Duration>,
    /// Whether closings of hidden sessions are published, because other settings would show the session or its end.
    pub publish_hidden_closings: bool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The enricher's state.
pub struct Pipeline {
    lookup: Lookup,
    hasher: AddressHasher,
    publisher: Publisher,
    updater: RecordUpdater,
    opened_events: OpenedEventsReader,
    capacity: StreamCapacity,
    shown_unidentified: ShownUnidentified,
    judged: mpsc::UnboundedReceiver<Key>,
    rejected: Rejected,
    metrics: Arc<Metrics>,
    free_tier: FreeTier,
    stale_after: Millis,
    show_unidentified_after: Option<Millis>,
    publish_hidden_closings: bool,
    in_flight: InFlight<Delivery>,
    sessions: Sessions<DeliveryId>,
    lost_openings: LostOpenings,
    awaiting_opening: AwaitingOpening<DeliveryId>,
    waiting: WaitingSessions<DeliveryId>,
    awaiting_capacity: AwaitingCapacity<DeliveryId>,
    backlog: Backlog,
    activities: Activities<DeliveryId>,
    /// Events to decide about again, because more is known about their session now. Empty between two turns of the loop.
    undecided: VecDeque<(Sighting, DeliveryId)>,
    updates: Futures<UpdateDone>,
    lookups: Futures<LookupDone>,
    /// Reads of the opened events in the queue.
    opening_reads: Futures<OpeningsRead>,
    /// For times of receipt. Everything else is measured by the monotonic clock.
    timeline: Timeline,
    freeze: Freeze,
}

impl Pipeline {
    /// A pipeline that handles nothing yet.
    pub fn new(setup: Setup) -> Self {
        Self {
            lookup: setup.lookup,
            free_tier: setup.free_tier,
            hasher: setup.hasher,
            publisher: setup.publisher,
            updater: setup.updater,
            opened_events: setup.opened_events,
            capacity: setup.capacity,
            shown_unidentified: ShownUnidentified::default(),
            judged: setup.judged,
            rejected: setup.rejected,
            metrics: setup.metrics,
            stale_after: time::millis(setup.stale_after),
            show_unidentified_after: setup.show_unidentified_after.map(time::millis),
            publish_hidden_closings: setup.publish_hidden_closings,
            in_flight: InFlight::new(),
            sessions: Sessions::default(),
            lost_openings: LostOpenings::default(),
            awaiting_opening: AwaitingOpening::new(),
            waiting: WaitingSessions::new(),
            awaiting_capacity: AwaitingCapacity::new(),
            backlog: Backlog::new(),
            activities: Activities::new(),
            undecided: VecDeque::new(),
            updates: Futures::new(),
            lookups: Futures::new(),
            opening_reads: Futures::new(),
            timeline: Timeline::new(clock::read()),
            freeze: Freeze::new(Instant::now()),
        }
    }

    /// Handles messages until `shutdown`, then ends as [`Pipeline::drain`] says.
    pub async fn run(mut self, mut intake: mpsc::Receiver<Intake>, shutdown: CancellationToken) {
        let mut housekeeping = interval(Duration::from_secs(1));
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !shutdown.is_cancelled() {
            let writes = self.publisher.pending() + self.updates.len();
            let accepts_messages = self.in_flight.busy() < MAX_BUSY_DELIVERIES && writes < MAX_WRITES;
            let next_lookup = self.next_lookup();
            tokio::select! {
                () = shutdown.cancelled() => {}
                written = self.publisher.answers() => self.on_written(written).await,
                Some(done) = self.updates.next(), if !self.updates.is_empty() => self.on_update_done(done).await,
                Some(done) = self.lookups.next(), if !self.lookups.is_empty() => self.on_lookup_done(done).await,
                Some(read) = self.opening_reads.next(), if !self.opening_reads.is_empty() => self.on_openings_read(read).await,
                Some(key) = self.judged.recv() => self.on_verdict_stored(key).await,
                Some(intake) = intake.recv(), if accepts_messages => self.on_intake(intake).await,
                () = sleep_until(next_lookup) => self.start_lookups(),
                _ = housekeeping.tick() => self.run_housekeeping().await,
            }
            self.decide_undecided().await;
            self.send_activities().await;
        }
        Box::pin(self.drain(intake, housekeeping)).await;
    }

    /// A span for something that a message causes, if the message is traced.
    fn span(&self, id: DeliveryId, name: &'static str) -> Option<Span> {
        if !trace::is_on() {
            return None;
        }
        self.in_flight.get(id)?.span()?.child(name)
    }

    /// One of the results that a raw message waits for has arrived. With the last one, acknowledges the message or gives it
    /// back.
    async fn complete(&mut self, id: DeliveryId, succeeded: bool) {
        self.end(id, (!succeeded).then_some(Redelivery::Soon)).await;
    }

    /// The same for something that is not done here; the message is delivered again then.
    async fn give_back(&mut self, id: DeliveryId, redelivery: Redelivery) {
        self.end(id, Some(redelivery)).await;
    }

    async fn end(&mut self, id: DeliveryId, redelivery: Option<Redelivery>) {
        let Some(finished) = self.in_flight.complete(id, redelivery) else {
            return;
        };
        match finished.redelivery {
            None => finished.message.acknowledge().await,
            Some(redelivery) => {
                self.metrics.returned.inc();
                finished.message.give_back(redelivery).await;
            }
        }
    }
}

/// The latest time at which a message that was given back is redelivered, here or to another enricher.
fn expected_again(now: Millis, redelivery: Redelivery) -> Millis {
    now + time::millis(redelivery.max_delay() + RETURN_SLACK)
}
