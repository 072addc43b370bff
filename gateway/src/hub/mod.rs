//! The gateway's loop: one task owns the view, folds in what comes, and makes each frame once for all clients.

mod questions;
pub mod snapshot;
pub mod snapshots;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::frame::{Delta, Frame, Snapshot, Stats};
use protocol::status::Pipeline;
use protocol::time::millis;
use protocol::{Millis, SessionMessage};
use service::clock::Timeline;
use service::freeze::Freeze;
use service::trace::Span;
use service::{Process, clock, status};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use self::questions::{Following, Question};
pub use self::questions::{Hub, Unavailable};
use self::snapshot::text;
use crate::flags::Flags;
use crate::gauges::Gauges;
use crate::hub::snapshots::{Busy, Snapshots};
use crate::pipeline::observer::Observer;
use crate::pipeline::statuses::Statuses;
use crate::streams::check::{Repair, StreamCheck};
use crate::streams::follower::{Followed, Intake};
use crate::streams::receipt::{adapt_activity, adapt_message};
use crate::streams::writer::Writer;
use crate::view::write_back::Standing;
use crate::view::{Changes, View};

/// A frame a second goes out even where nothing changes.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often the view is asked what has gone stale.
const TICK: Duration = Duration::from_millis(250);

/// How many messages are taken in at once.
const AT_ONCE: usize = 1024;

/// How many frames a client may be behind before it gets a snapshot instead.
const FRAMES_KEPT: usize = 128;

/// A frame as it goes out to every client.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its revision.
    pub revision: u64,
    /// Its JSON, the same bytes for all who get it.
    pub text: Bytes,
}

/// The hub's state.
pub struct HubTask {
    view: View,
    statuses: Statuses,
    observer: Observer,
    reporter: status::Reporter,
    /// Which gateway this is.
    instance: String,
    gauges: Arc<Gauges>,
    frame_interval: Duration,
    frames: broadcast::Sender<Outgoing>,
    questions: mpsc::Receiver<Question>,
    revision: u64,
    last_frame: Instant,
    last_pipeline: Instant,
    snapshots: Snapshots,
    behind: HashSet<Followed>,
    /// Whether the view has been complete once; from then on it is served, and its health says what it lacks.
    ready: bool,
    /// When the oldest activity or closing was received that no frame has told of yet.
    oldest_news: Option<Millis>,
    /// What the next frame tells of, as far as it is traced.
    traced: Vec<Span>,
    writer: Writer,
    timeline: Timeline,
    freeze: Freeze,
    /// Sessions are judged by no later time, while what came in during a freeze is read.
    judged_until: Millis,
}

impl HubTask {
    /// With an empty view; the handle asks it.
    pub fn new(
        view: View,
        flags: &Flags,
        process: &Process,
        reporter: status::Reporter,
        gauges: Arc<Gauges>,
        check: Arc<StreamCheck>,
    ) -> (Hub, Self) {
        let (sender, questions) = mpsc::channel(AT_ONCE);
        let (frames, _) = broadcast::channel(FRAMES_KEPT);
        let now = Instant::now();
        let hub = Hub::new(sender, frames.clone());
        let task = Self {
            view,
            statuses: Statuses::default(),
            observer: Observer::new(millis(flags.stale_after), process.health.clone(), clock::now()),
            instance: process.instance.clone(),
            reporter,
            writer: Writer::new(
                process.nats.clone(),
                Arc::clone(&gauges),
                Repair::new(process.health.clone(), check),
            ),
            gauges,
            frame_interval: flags.frame_interval,
            frames,
            questions,
            revision: 0,
            last_frame: now,
            last_pipeline: now,
            snapshots: Snapshots::default(),
            behind: Followed::ALL.into(),
            ready: false,
            oldest_news: None,
            traced: Vec::new(),
            timeline: Timeline::new(clock::read()),
            freeze: Freeze::new(now),
            judged_until: clock::now(),
        };
        (hub, task)
    }

    /// Folds and answers for ever.
    pub async fn run(mut self, mut intake: mpsc::Receiver<Intake>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut buffer = Vec::with_capacity(AT_ONCE);
        loop {
            let next_frame = self.next_frame();
            tokio::select! {
                count = intake.recv_many(&mut buffer, AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    self.take(&mut buffer);
                }
                Some(question) = self.questions.recv() => self.answer(question),
                () = sleep_until(next_frame), if self.ready => self.send_frame(),
                Some(written) = self.writer.written() => self.writer.done(written, &mut self.view),
                _ = ticks.tick() => self.tick(),
            }
            self.write_back();
        }
    }

    /// The time now; what is held is moved along where the server's clock has stepped.
    fn now(&mut self) -> Millis {
        let stepped = self.timeline.advance(clock::read());
        let now = self.timeline.now();
        if stepped != 0 {
            self.observer.observation.shift(stepped);
            self.judged_until += stepped;
            self.view.shift(stepped, now, self.judged_at(now));
        }
        if self.freeze.is_over(Instant::now()) {
            self.judged_until = now;
        }
        now
    }

    /// The time by which sessions are judged: one that seems silent may not be where nobody listens, or while what came
    /// in during a freeze is read.
    fn judged_at(&self, now: Millis) -> Millis {
        self.observer.observation.clock(now).min(self.judged_until)
    }

    fn take(&mut self, buffer: &mut Vec<Intake>) {
        let now = self.now();
        let judged_at = self.judged_at(now);
        for intake in buffer.drain(..) {
            match intake {
                Intake::Traced(span) => self.traced.push(span),
                Intake::Session(mut message, standing) => {
                    adapt_message(&mut message, &self.timeline);
                    self.observer.observation.witness(message.received_at(), now);
                    self.session(message, standing, judged_at);
                }
                Intake::Activities(mut activities) => {
                    for activity in &mut activities {
                        adapt_activity(activity, &self.timeline);
                        self.note(activity.2);
                        self.observer.observation.witness(activity.2, now);
                        self.view.activity(activity, judged_at);
                    }
                }
                Intake::Status(status) => {
                    self.observer.observation.hear(&status, &self.instance, now);
                    self.statuses.heard(status, clock::uptime());
                }
                Intake::Lost(followed) => {
                    self.writer.repair.begin();
                    match followed {
                        Followed::Sessions => self.view.stream_lost(),
                        Followed::Activity => self.view.activity_lost(judged_at),
                    }
                }
                Intake::Behind(followed) => {
                    self.behind.insert(followed);
                    self.observer.observation.read(false, now);
                }
                Intake::CaughtUp(followed) => {
                    self.behind.remove(&followed);
                    self.ready |= self.behind.is_empty();
                    self.observer.observation.read(self.behind.is_empty(), now);
                }
            }
        }
    }

    fn session(&mut self, message: SessionMessage, standing: Standing, now: Millis) {
        let received_at = message.received_at();
        if matches!(message, SessionMessage::Tombstone(_)) {
            self.note(received_at);
        }
        if !matches!(&message, SessionMessage::Record(record) if record.unidentified) {
            self.statuses.settled(message.guid(), clock::uptime());
        }
        let appeared = self.view.traffic().appeared;
        self.view.message(message, standing, now);
        if self.behind.is_empty() && self.view.traffic().appeared > appeared {
            self.gauges.appearance.since(received_at);
        }
    }

    /// The next frame tells of something that was received then. What is told anew after a start is not measured.
    fn note(&mut self, received_at: Millis) {
        if self.behind.is_empty() {
            self.oldest_news = Some(
                self.oldest_news
                    .map_or(received_at, |oldest| oldest.min(received_at)),
            );
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.observer.update(&self.statuses, now);
        // What NATS would bring back of our own status is older, and does not come while NATS is away.
        self.statuses.heard(self.reporter.status(), clock::uptime());
        self.view.tick(self.judged_at(now));
        if self.freeze.is_over(Instant::now()) {
            self.statuses.forget_gone(clock::uptime());
        }
        self.snapshots.tidy(Instant::now());
        self.gauges.sessions.set(self.view.count());
        self.gauges.traffic(self.view.traffic());
        let known = self.behind.is_empty();
        self.writer
            .repair
            .check
            .expect(if known { self.view.stored_at_least(now) } else { 0 });
    }

    fn answer(&mut self, question: Question) {
        if !self.ready {
            return;
        }
        // Who does not wait for the answer any longer does not need it.
        match question {
            Question::Join(sender) => drop(sender.send(self.join())),
            Question::Stats(sender) => drop(sender.send(self.stats())),
            Question::Pipeline(sender) => drop(sender.send(self.pipeline())),
        }
    }

    fn stats(&self) -> Stats {
        self.observer.stats(&self.view, &self.statuses, clock::now())
    }

    fn pipeline(&self) -> Pipeline {
        self.observer.pipeline(&self.statuses, clock::now())
    }

    /// The whole view as it is now, or was a moment ago, and all that follows. It may be ahead of its revision: what the
    /// next delta says again does no harm, and the delta removes whatever has left since the last frame.
    fn join(&mut self) -> Result<Following, Busy> {
        let now = Instant::now();
        let joined = if let Some(joined) = self.snapshots.current(now)? {
            joined
        } else {
            let snapshot = self.build_snapshot();
            self.snapshots.add(snapshot, now)
        };
        Ok((joined, self.frames.subscribe()))
    }

    fn build_snapshot(&self) -> snapshot::Snapshot {
        let content = Snapshot {
            revision: self.revision,
            now: clock::now(),
            sessions: Cow::Owned(self.view.sessions()),
            stats: self.stats(),
            pipeline: Cow::Owned(self.pipeline()),
        };
        snapshot::Snapshot::build(content, self.gauges.snapshots.clone())
    }

    fn next_frame(&self) -> Instant {
        self.last_frame
            + if self.view.has_news() || self.observer.has_news(clock::now()) {
                self.frame_interval
            } else {
                HEARTBEAT
            }
    }

    fn send_frame(&mut self) {
        let now = Instant::now();
        self.last_frame = now;
        self.revision += 1;
        let changes = self.view.take_changes();
        self.gauges.frames.inc();
        if self.frames.receiver_count() > 0 || self.snapshots.need_frames() {
            self.broadcast(changes, now);
        }
        self.observer.told(clock::now());
        if let Some(oldest) = self.oldest_news.take() {
            self.gauges.frame.since(oldest);
        }
        self.traced.clear();
    }

    /// Makes the frame, once for all clients.
    fn broadcast(&mut self, changes: Changes, now: Instant) {
        let with_pipeline = now - self.last_pipeline >= HEARTBEAT || self.observer.has_news(clock::now());
        if with_pipeline {
            self.last_pipeline = now;
        }
        let frame = Frame::Delta(Delta {
            revision: self.revision,
            now: clock::now(),
            changed: Cow::Owned(changes.changed),
            touched: Cow::Owned(changes.touched),
            removed: Cow::Owned(changes.removed),
            stats: self.stats(),
            pipeline: with_pipeline.then(|| Cow::Owned(self.pipeline())),
        });
        let text = text(&frame);
        self.gauges.frame_bytes.inc_by(text.len() as u64);
        let frame = Outgoing {
            revision: self.revision,
            text,
        };
        self.snapshots.frame(&frame);
        // It fails where the last client has just left.
        let _ = self.frames.send(frame);
    }

    /// Puts into the stream what should stand there, once it is known what does.
    fn write_back(&mut self) {
        if self.behind.is_empty() {
            let now = self.now();
            let (judged_at, interrupted) = (self.judged_at(now), self.observer.observation.is_interrupted());
            self.writer.write_back(&mut self.view, judged_at, interrupted);
        }
    }
}
