//! The gateway's loop: one task owns the view, applies the messages of the streams, and sends frames.

pub mod frame_cost;
mod frames;
mod history;
pub mod outgoing;
pub mod pacing;
mod questions;
pub mod snapshot;
pub mod snapshots;

use std::borrow::Cow;
use std::collections::HashSet;
use std::mem::take;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use protocol::frame::{Delta, Snapshot, Stats};
use protocol::status::Pipeline;
use protocol::time::millis;
use protocol::{SessionMessage, Timestamp};
use service::clock::Timeline;
use service::freeze::Freeze;
use service::{Process, clock, status};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use self::frames::Following;
use self::frames::FrameBuilder;
use self::history::HistoryRecorder;
use self::questions::Question;
pub use self::questions::{Hub, Unavailable};
use crate::flags::Flags;
use crate::hub::pacing::Pacing;
use crate::hub::snapshots::Busy;
use crate::metrics::GatewayMetrics;
use crate::pipeline::observer::Observer;
use crate::pipeline::statuses::Statuses;
use crate::streams::check::{Repair, StreamCheck};
use crate::streams::follower::{Followed, StreamEvent};
use crate::streams::receipt::{adapt_activity, adapt_message};
use crate::streams::writer::Writer;
use crate::view::View;
use crate::view::write_back::StoredMessage;

/// How often the view removes stale sessions.
const TICK: Duration = Duration::from_millis(250);

/// How many messages are applied at once.
const BATCH_SIZE: usize = 1024;

/// Waits until `due`. A timer alone would round up to the next millisecond even if it is due now.
async fn until(due: Instant) {
    if Instant::now() < due {
        sleep_until(due).await;
    }
}

/// The hub's state.
pub struct HubTask {
    view: View,
    statuses: Statuses,
    observer: Observer,
    reporter: status::Reporter,
    /// This gateway's instance name.
    instance: String,
    metrics: Arc<GatewayMetrics>,
    frames: FrameBuilder,
    history: HistoryRecorder,
    questions: mpsc::Receiver<Question>,
    /// The streams that are not read to their end.
    behind: HashSet<Followed>,
    /// Whether the view has been complete once. From then on it is served, and health says what it lacks.
    ready: bool,
    writer: Writer,
    timeline: Timeline,
    freeze: Freeze,
    /// The latest time at which sessions are judged while events that arrived during a freeze are read.
    judged_until: Timestamp,
    /// How long messages took since the last tick.
    busy: Duration,
    last_tick: Instant,
}

impl HubTask {
    /// The task and the handle through which others ask it.
    pub fn new(
        view: View,
        flags: &Flags,
        process: &Process,
        reporter: status::Reporter,
        metrics: Arc<GatewayMetrics>,
        check: Arc<StreamCheck>,
    ) -> (Hub, Self) {
        let (sender, questions) = mpsc::channel(BATCH_SIZE);
        let now = Instant::now();
        let cores = available_parallelism().map_or(1, NonZero::get);
        let pacing = Pacing::new(flags.frame_interval, cores);
        let frames = FrameBuilder::new(pacing, Arc::clone(&metrics), now);
        let hub = Hub::new(sender, frames.sender(), frames.cost());
        let task = Self {
            view,
            statuses: Statuses::default(),
            observer: Observer::new(
                millis(flags.stale_after),
                process.health.clone(),
                flags.currency.clone(),
                clock::now(),
            ),
            instance: process.instance.clone(),
            reporter,
            writer: Writer::new(
                process.nats.clone(),
                Arc::clone(&metrics),
                Repair::new(process.health.clone(), check),
            ),
            metrics,
            frames,
            history: HistoryRecorder::default(),
            questions,
            behind: Followed::ALL.into(),
            ready: false,
            timeline: Timeline::new(clock::read()),
            freeze: Freeze::new(now),
            judged_until: clock::now(),
            busy: Duration::ZERO,
            last_tick: now,
        };
        (hub, task)
    }

    /// Runs until `intake` is closed.
    pub async fn run(mut self, mut intake: mpsc::Receiver<StreamEvent>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut buffer = Vec::with_capacity(BATCH_SIZE);
        loop {
            let next_frame = self.frames.due_at(self.has_news());
            tokio::select! {
                count = intake.recv_many(&mut buffer, BATCH_SIZE) => {
                    if count == 0 {
                        return;
                    }
                    let started = Instant::now();
                    self.take(&mut buffer);
                    self.busy += started.elapsed();
                }
                Some(question) = self.questions.recv() => self.answer(question),
                () = until(next_frame), if self.ready => self.send_frame(),
                Some(written) = self.writer.written() => self.writer.on_written(written, &mut self.view),
                _ = ticks.tick() => self.tick(),
            }
            self.write_back();
        }
    }

    /// The time now. After a step of the server's clock, shifts all times that the hub holds.
    fn now(&mut self) -> Timestamp {
        let stepped = self.timeline.advance(clock::read());
        let now = self.timeline.now();
        if stepped != 0 {
            self.observer.observation.shift(stepped);
            self.judged_until += stepped;
            self.history.shift(stepped);
            self.view.shift(stepped, now, self.judged_at(now));
        }
        if self.freeze.is_over(Instant::now()) {
            self.judged_until = now;
        }
        now
    }

    /// The time by which sessions go stale. It lags behind while nobody observes the website, and while messages that
    /// arrived during a freeze are read.
    fn judged_at(&self, now: Timestamp) -> Timestamp {
        self.observer.observation.clock(now).min(self.judged_until)
    }

    fn take(&mut self, buffer: &mut Vec<StreamEvent>) {
        let now = self.now();
        let judged_at = self.judged_at(now);
        for event in buffer.drain(..) {
            match event {
                StreamEvent::Traced(span) => self.frames.trace(span),
                StreamEvent::Session(mut message, stored) => {
                    adapt_message(&mut message, &self.timeline);
                    self.observer.observation.witness(message.received_at(), now);
                    self.session(message, stored, judged_at);
                }
                StreamEvent::Activities(mut activities) => {
                    for activity in &mut activities {
                        adapt_activity(activity, &self.timeline);
                        self.note(activity.received_at);
                        self.observer.observation.witness(activity.received_at, now);
                        self.view.activity(activity, judged_at);
                    }
                }
                StreamEvent::Status(status) => {
                    self.observer.observation.received(&status, &self.instance, now);
                    let is_own = status.instance == *self.instance;
                    self.statuses.heard(&status, is_own, clock::uptime());
                    self.statuses.received(status, clock::uptime());
                }
                StreamEvent::Lost(followed) => {
                    self.writer.repair.begin();
                    match followed {
                        Followed::Sessions => self.view.stream_lost(),
                        Followed::Activity => self.view.activity_lost(judged_at),
                    }
                }
                StreamEvent::Behind(followed) => {
                    self.behind.insert(followed);
                    self.observer.observation.read(false, now);
                }
                StreamEvent::CaughtUp(followed) => {
                    self.behind.remove(&followed);
                    self.ready |= self.behind.is_empty();
                    self.observer.observation.read(self.behind.is_empty(), now);
                }
            }
        }
    }

    fn session(&mut self, message: SessionMessage, stored: StoredMessage, now: Timestamp) {
        let received_at = message.received_at();
        if matches!(message, SessionMessage::Tombstone(_)) {
            self.note(received_at);
        }
        if !matches!(&message, SessionMessage::Record(record) if record.unidentified) {
            self.statuses.settled(message.guid(), clock::uptime());
        }
        let appeared = self.view.traffic().appeared;
        self.view.message(message, stored, now);
        if self.behind.is_empty() && self.view.traffic().appeared > appeared {
            self.metrics.appearance.since(received_at);
        }
    }

    /// Measures the time from the receipt of an event until a frame shows it. Events that are replayed after a start do not
    /// count.
    fn note(&mut self, received_at: Timestamp) {
        if self.behind.is_empty() {
            self.frames.note(received_at);
        }
    }

    fn tick(&mut self) {
        let elapsed = self.last_tick.elapsed();
        self.last_tick += elapsed;
        self.frames.on_load(take(&mut self.busy), elapsed);
        let now = self.now();
        self.observer.update(&self.statuses, now);
        // Our own status through NATS would be older, and missing while NATS is unreachable.
        self.statuses.received(self.reporter.status(), clock::uptime());
        self.view.tick(self.judged_at(now));
        if self.freeze.is_over(Instant::now()) {
            self.statuses.forget_gone(clock::uptime());
        }
        self.frames.tidy(Instant::now());
        self.metrics.sessions.set(self.view.count());
        self.metrics.traffic(self.view.traffic());
        let (lookups, since) = self.statuses.lookups();
        self.metrics.lookups(lookups, since);
        self.metrics.missing(&self.statuses.missing());
        let known = self.behind.is_empty();
        self.writer
            .repair
            .check
            .expect(if known { self.view.stored_at_least(now) } else { 0 });
        self.record_history(now, known);
    }

    /// Records the figures for the charts, unless they are of an earlier time or the streams are not read to their end.
    fn record_history(&mut self, now: Timestamp, known: bool) {
        let stats = self.observer.stats(&self.view, &self.statuses, now);
        let known = known && stats.as_of.is_none();
        self.history
            .observe(now, known.then_some(stats), self.view.traffic());
    }

    fn answer(&mut self, question: Question) {
        if !self.ready {
            return;
        }
        // Sending fails if the caller has stopped waiting.
        match question {
            Question::Join(sender) => drop(sender.send(self.join())),
            Question::Stats(sender) => drop(sender.send(self.stats())),
            Question::Pipeline(sender) => drop(sender.send(self.pipeline())),
            Question::History(sender) => drop(sender.send(self.history.points(clock::now()))),
        }
    }

    fn stats(&self) -> Stats {
        self.observer.stats(&self.view, &self.statuses, clock::now())
    }

    fn pipeline(&self) -> Pipeline {
        self.observer.pipeline(&self.statuses)
    }

    fn join(&mut self) -> Result<Following, Busy> {
        let (view, observer, statuses) = (&self.view, &self.observer, &self.statuses);
        self.frames.join(Instant::now(), |revision| {
            let now = clock::now();
            Snapshot {
                revision,
                now,
                sessions: Cow::Owned(view.sessions()),
                remaining: 0,
                stats: observer.stats(view, statuses, now),
                pipeline: Cow::Owned(observer.pipeline(statuses)),
            }
        })
    }

    fn has_news(&self) -> bool {
        self.view.has_news() || self.observer.has_news()
    }

    fn send_frame(&mut self) {
        let now = clock::now();
        let changes = self.view.take_changes();
        let (view, observer, statuses) = (&self.view, &self.observer, &self.statuses);
        let pipeline_changed = observer.has_news();
        self.frames
            .send(Instant::now(), pipeline_changed, |revision, with_pipeline| {
                Delta {
                    revision,
                    now,
                    changed: Cow::Owned(changes.changed),
                    touched: Cow::Owned(changes.touched),
                    removed: Cow::Owned(changes.removed),
                    stats: observer.stats(view, statuses, now),
                    pipeline: with_pipeline.then(|| Cow::Owned(observer.pipeline(statuses))),
                }
            });
        self.observer.frame_sent();
    }

    /// Restores what the sessions stream has lost, once it is read to its end.
    fn write_back(&mut self) {
        if self.behind.is_empty() {
            let now = self.now();
            let (judged_at, interrupted) = (self.judged_at(now), self.observer.observation.is_interrupted());
            self.writer.write_back(&mut self.view, judged_at, interrupted);
        }
    }
}
