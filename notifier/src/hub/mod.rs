//! The one task that owns all state: which visits are known, which companies are claimed, and what is sent when.

mod acks;
mod done;
pub mod sending;
mod work;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use protocol::{Guid, Millis, Rejection, SessionMessage, Timestamp};
use service::bucket::is_marker;
use service::health::Health;
use service::rejected::Rejected;
use service::watchlist::file::Current;
use service::{Process, clock};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use self::acks::Acks;
use self::done::Done;
use self::sending::Sender;
use crate::arrivals::arrival::Arrival;
use crate::arrivals::{Position, Visits};
use crate::cooldown::Claims;
use crate::cooldown::claim::{Claim, CompanyKey};
use crate::delivery::Pace;
use crate::metrics::{GivenUp, NotifierMetrics};
use crate::streams::intake::{Followed, Intake, Received};

/// The part's name in [`Health`].
pub const WEBHOOK_PART: &str = "webhook";

/// How often deadlines are checked.
const TICK: Duration = Duration::from_millis(100);

/// How often expired state is forgotten, and held messages are protected from redelivery, in ticks.
const HOUSEKEEPING: u64 = 100;

/// Maximum number of arrivals whose company is not claimed yet; beyond it, the oldest are given up.
const MAX_UNCLAIMED: usize = 20_000;

/// How long a notifier without any claims makes none after the bucket was created, in ms: others put theirs back first.
const PUT_BACK_TIME: Millis = 3_000;

/// How long nothing is sent after the bucket was lost: others record first what they have sent.
const NOTE_TIME: Duration = Duration::from_secs(2);

/// The state of the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bucket {
    /// It is not read to its end.
    Behind,
    /// The claims that are known here are being put back.
    PuttingBack,
    /// It holds all claims that are known here.
    Ready,
}

/// The task.
pub struct Hub {
    visits: Visits,
    claims: Claims,
    pace: Pace,
    acks: Acks,
    watchlist: Option<Current>,
    sender: Sender,
    metrics: Arc<NotifierMetrics>,
    health: Health,
    rejected: Rejected,
    /// The last sequence of the sessions' stream that was read.
    read: u64,
    bucket: Bucket,
    bucket_was_lost: bool,
    /// Before this time, no company is claimed.
    claim_after: Timestamp,
    /// Arrivals whose company is not claimed yet, and those that are being claimed.
    unclaimed: VecDeque<(CompanyKey, Arrival)>,
    unsettled: HashMap<Guid, u32>,
    claiming: usize,
    is_sending: bool,
    /// Claims that are announced but not yet marked so in the bucket.
    unnoted: Vec<(CompanyKey, Claim, u64)>,
    /// Those of them that are being written.
    noting: usize,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    expected_claims: watch::Sender<u64>,
    ticks: u64,
}

impl Hub {
    /// The hub of a notifier that has just started.
    #[must_use]
    pub fn new(
        process: &Process,
        cooldown: Duration,
        watchlist: Option<Current>,
        sender: Sender,
        metrics: Arc<NotifierMetrics>,
    ) -> Self {
        Self {
            visits: Visits::new(None),
            claims: Claims::new(cooldown),
            pace: Pace::default(),
            acks: Acks::default(),
            watchlist,
            sender,
            metrics,
            health: process.health.clone(),
            rejected: process.rejected.clone(),
            read: 0,
            bucket: Bucket::Behind,
            bucket_was_lost: false,
            claim_after: Timestamp::from_unix_ms(0),
            unclaimed: VecDeque::new(),
            unsettled: HashMap::new(),
            claiming: 0,
            is_sending: false,
            unnoted: Vec::new(),
            noting: 0,
            work: FuturesUnordered::new(),
            expected_claims: watch::Sender::new(0),
            ticks: 0,
        }
    }

    /// The fleet has read up to `position`; `None` if this is its first notifier.
    pub fn begin(&mut self, position: Option<Position>) {
        self.visits = Visits::new(position);
    }

    /// The minimum number of claims that the bucket must hold.
    #[must_use]
    pub fn expected_claims(&self) -> watch::Receiver<u64> {
        self.expected_claims.subscribe()
    }

    /// Runs until shutdown, and then finishes the message that is being sent.
    pub async fn run(mut self, mut intake: mpsc::Receiver<Intake>, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(done) = self.work.next(), if !self.work.is_empty() => self.on_done(done),
                Some(intake) = intake.recv() => self.on_intake(intake).await,
                _ = tick.tick() => self.on_tick(),
            }
            self.proceed();
        }
        loop {
            self.record_announced();
            if !self.is_sending && self.noting == 0 {
                return;
            }
            let Some(done) = self.work.next().await else {
                return;
            };
            self.on_done(done);
        }
    }

    async fn on_intake(&mut self, intake: Intake) {
        match intake {
            Intake::Lost(Followed::Sessions) => {
                self.visits.lost();
                self.acks.clear();
                self.read = 0;
            }
            Intake::Lost(Followed::Claims) => {
                self.claims.lost();
                self.bucket_was_lost = true;
                self.bucket = Bucket::Behind;
            }
            Intake::CaughtUp {
                followed: Followed::Sessions,
                ..
            } => {
                self.visits.caught_up();
                self.health.ok(Followed::Sessions.part());
            }
            Intake::CaughtUp {
                followed: Followed::Claims,
                created_at,
            } => self.on_bucket_read(created_at),
            Intake::Behind(Followed::Sessions) => {}
            Intake::Behind(Followed::Claims) => self.bucket = Bucket::Behind,
            Intake::Message(received) => match received.followed {
                Followed::Sessions => self.on_session(received).await,
                Followed::Claims => self.on_claim(&received),
            },
            Intake::Delivered(delivery) => self.acks.add(*delivery),
        }
    }

    fn on_bucket_read(&mut self, created_at: Timestamp) {
        if self.bucket_was_lost {
            self.put_back();
        } else {
            self.claim_after = self.claim_after.max(created_at + PUT_BACK_TIME);
            self.bucket_is_ready();
        }
    }

    fn bucket_is_ready(&mut self) {
        self.bucket = Bucket::Ready;
        if clock::now() < self.claim_after {
            let reason = "waiting until other notifiers have restored their claims";
            self.health.failing(Followed::Claims.part(), reason);
        }
        self.report_bucket(clock::now());
    }

    /// The bucket is ok once it holds everything that only this notifier knew, so that the fleet can do without it.
    fn report_bucket(&self, now: Timestamp) {
        let all_claimed = self.unclaimed.is_empty() && self.claiming == 0;
        if self.bucket == Bucket::Ready && now >= self.claim_after && all_claimed {
            self.health.ok(Followed::Claims.part());
        }
    }

    async fn on_session(&mut self, received: Received) {
        self.read = received.place.sequence;
        let now = clock::now();
        match serde_json::from_slice(&received.payload) {
            Ok(SessionMessage::Record(record)) => {
                if self.visits.record(&record, received.place, now) {
                    self.on_arrival(Arrival::of(&record, received.place.published_at));
                }
            }
            Ok(SessionMessage::Tombstone(tombstone)) => {
                self.visits.tombstone(&tombstone.guid, received.place);
                if tombstone.hidden {
                    self.withdraw(&tombstone.guid);
                }
            }
            Err(error) => {
                let reason = if error.is_data() {
                    Rejection::WrongType
                } else {
                    Rejection::NotJson
                };
                self.rejected.reject(reason, received.payload).await;
            }
        }
    }

    fn on_arrival(&mut self, arrival: Option<Arrival>) {
        let Some(arrival) = arrival else {
            return;
        };
        let is_watched = |list: &Current| list.borrow().contains(&arrival.company);
        if !self.watchlist.as_ref().is_none_or(is_watched) {
            return;
        }
        self.metrics.arrivals.inc();
        self.begin_claim(CompanyKey::of(&arrival.company), arrival);
    }

    fn begin_claim(&mut self, key: CompanyKey, arrival: Arrival) {
        *self.unsettled.entry(arrival.guid.clone()).or_default() += 1;
        self.unclaimed.push_back((key, arrival));
        if self.unclaimed.len() > MAX_UNCLAIMED
            && let Some((_, oldest)) = self.unclaimed.pop_front()
        {
            self.settled(&oldest.guid);
            self.metrics.give_up(GivenUp::TooLate);
        }
    }

    /// An arrival of the session is claimed, or needs no claim.
    fn settled(&mut self, guid: &Guid) {
        if let Some(count) = self.unsettled.get_mut(guid) {
            *count -= 1;
            if *count == 0 {
                self.unsettled.remove(guid);
            }
        }
    }

    fn on_claim(&mut self, received: &Received) {
        let name = received.subject.rsplit('.').next().unwrap_or_default();
        let Some(key) = CompanyKey::parse(name) else {
            return;
        };
        let sequence = received.place.sequence;
        if is_marker(&received.headers) {
            self.claims.gone(&key, sequence);
        } else if let Ok(claim) = serde_json::from_slice(&received.payload) {
            self.claims.heard(key, claim, sequence);
        }
    }

    /// The visitor must no longer be shown or announced.
    fn withdraw(&mut self, guid: &Guid) {
        let before = self.unclaimed.len();
        self.unclaimed.retain(|(_, arrival)| arrival.guid != *guid);
        for _ in self.unclaimed.len()..before {
            self.settled(guid);
        }
        if let Some(key) = self.claims.waiting_of(guid).cloned() {
            self.remove(&key, GivenUp::Hidden);
        }
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        let now = clock::now();
        self.metrics.sends.set(u64::from(self.sender.held.is_held()));
        self.metrics
            .waiting
            .set((self.claims.waiting_count() + self.unclaimed.len()) as u64);
        if !self.sender.held.is_held() || self.claims.waiting_count() == 0 {
            self.health.ok(WEBHOOK_PART);
        }
        self.report_bucket(now);
        self.expected_claims.send_replace(self.claims.expected(now));
        self.give_up_old(now);
        self.release_held();
        if self.ticks.is_multiple_of(HOUSEKEEPING) {
            self.visits.forget_expired(now);
            self.claims.forget_expired(now);
            self.hold_messages();
        }
    }
}
