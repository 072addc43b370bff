//! Decides whether the gateway observes the website: it reads its streams, and receives statuses of the processes that
//! fill them. Pure.
//!
//! Sessions go stale by [`Observation::clock`], which stops while the view is cut off from the website, because then
//! silence does not mean that a visitor has left (ADR 11).

use protocol::status::{Figures, Interruption, Part, Status};
use protocol::{Millis, Timestamp};

mod gaps;

use self::gaps::{Gaps, Unobserved};

/// How long the view may be without a status from any process of a kind before it counts as cut off, in ms.
const SILENT_AFTER: Millis = 5_000;

/// How far the clock may be ahead of the last status, in ms. A status arrives each second.
const GRACE: Millis = 2_000;

/// How long after the end of an interruption a status must arrive to describe the time after it, in ms.
const STATUS_AFTER: Millis = 1_000;

/// The number of events waiting in an ingestor that counts as a backlog; fewer are always in flight.
const INGESTOR_BACKLOG: u64 = 1_000;

/// The same for messages in the queue of raw events.
const QUEUE_BACKLOG: u64 = 100;

/// The latest statuses of the processes of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    /// When a status last arrived.
    heard_at: Option<Timestamp>,
    /// When a status last reported no backlog.
    idle_at: Option<Timestamp>,
    /// When a status last reported a backlog.
    last_backlog: Option<Timestamp>,
}

impl Source {
    fn apply_status(&mut self, has_backlog: bool, now: Timestamp) {
        self.heard_at = Some(now);
        *(if has_backlog {
            &mut self.last_backlog
        } else {
            &mut self.idle_at
        }) = Some(now);
    }

    fn is_silent(&self, now: Timestamp) -> bool {
        self.heard_at.is_none_or(|at| now - at > SILENT_AFTER)
    }

    /// Whether the backlog at the end of the interruption has been processed.
    fn has_caught_up(&self, ended_at: Timestamp, now: Timestamp) -> bool {
        let is_of_after = |at: Timestamp| at >= ended_at + STATUS_AFTER;
        self.idle_at.is_some_and(is_of_after) && self.last_backlog.is_none_or(|at| now - at > GRACE)
    }

    fn shift(&mut self, by: Millis) {
        for at in [&mut self.heard_at, &mut self.idle_at, &mut self.last_backlog] {
            *at = at.map(|at| at + by);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing has been observed since the start.
    Starting { since: Timestamp },
    /// Nothing is cut off.
    Observing,
    /// Something is cut off.
    Interrupted(Gap),
    /// Nothing has been cut off since `ended_at`; the backlog is being processed.
    CatchingUp { gap: Gap, ended_at: Timestamp },
}

/// An interruption.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// The last time at which everything was known.
    as_of: Timestamp,
    /// The time at which the clock stopped.
    clock: Timestamp,
    /// Whether the streams could not be read at some time during it. Then missing statuses may have been sent.
    reading_lost: bool,
    ingestors: Option<IngestorGap>,
}

/// The time without a status of an ingestor.
#[derive(Clone, Copy, Debug)]
struct IngestorGap {
    from: Timestamp,
    heard: Option<Heard>,
    /// The latest time in it at which an ingestor has received an event.
    witnessed: Option<Timestamp>,
}

/// The first reports of ingestors after the gap.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// When the first status arrived.
    at: Timestamp,
    /// The earliest start of the ingestors that have reported since.
    started_at: Timestamp,
}

/// Tracks interruptions, and the clock by which sessions go stale.
#[derive(Debug)]
pub struct Observation {
    stale_after: Millis,
    state: State,
    updated_at: Timestamp,
    unread_since: Option<Timestamp>,
    ingestors: Source,
    enrichers: Source,
    /// When this gateway's own status last arrived from NATS.
    own_heard_at: Option<Timestamp>,
    gaps: Gaps,
}

impl Observation {
    /// Creates the observation of a gateway that has just started.
    pub fn new(stale_after: Millis, now: Timestamp) -> Self {
        Self {
            stale_after,
            state: State::Starting { since: now },
            updated_at: now,
            unread_since: Some(now),
            ingestors: Source::default(),
            enrichers: Source::default(),
            own_heard_at: None,
            gaps: Gaps::default(),
        }
    }

    /// Sets whether all streams are read to their end.
    pub fn read(&mut self, all: bool, now: Timestamp) {
        self.unread_since = (!all).then(|| self.unread_since.unwrap_or(now));
        self.update(now);
    }

    /// Applies a status.
    pub fn received(&mut self, status: &Status, own_instance: &str, now: Timestamp) {
        match &status.figures {
            Figures::Ingestor(figures) => {
                self.hear_ingestor(status.started_at, now);
                self.ingestors
                    .apply_status(figures.waiting >= INGESTOR_BACKLOG, now);
            }
            Figures::Enricher(figures) => self
                .enrichers
                .apply_status(figures.queue_waiting >= QUEUE_BACKLOG, now),
            Figures::Gateway(_) if status.instance == own_instance => self.own_heard_at = Some(now),
            Figures::Gateway(_) | Figures::Notifier(_) => {}
        }
        self.update(now);
    }

    fn hear_ingestor(&mut self, started_at: Timestamp, now: Timestamp) {
        let gap = match &mut self.state {
            State::Interrupted(gap) | State::CatchingUp { gap, .. } => gap,
            State::Starting { .. } | State::Observing => return,
        };
        if let Some(ingestors) = &mut gap.ingestors {
            let heard = ingestors.heard.get_or_insert(Heard { at: now, started_at });
            heard.started_at = heard.started_at.min(started_at);
        }
    }

    /// Applies the time of receipt of an event that arrived from the streams.
    pub fn witness(&mut self, received_at: Timestamp, now: Timestamp) {
        let (State::Interrupted(gap) | State::CatchingUp { gap, .. }) = &mut self.state else {
            return;
        };
        if let Some(gap) = &mut gap.ingestors {
            let until = gap.heard.map_or(now, |Heard { at, started_at }| {
                if started_at > gap.from {
                    at.min(started_at)
                } else {
                    at
                }
            });
            // Events that an ingestor receives just after it reconnects say nothing about the time before.
            if received_at > gap.from && received_at < until - GRACE {
                gap.witnessed = gap.witnessed.max(Some(received_at));
            }
        }
    }

    /// Updates the state as time passes.
    pub fn update(&mut self, now: Timestamp) {
        self.updated_at = now;
        let is_interrupted = !self.cut_off(now).is_empty();
        let reading_lost = self.unread_since.is_some() || self.is_cut_off_from_nats(now);
        match &mut self.state {
            State::Starting { .. } if !is_interrupted => self.state = State::Observing,
            State::Observing if is_interrupted => {
                let clock = self.clock(now);
                let as_of = self.cut_off(now).iter().map(|part| part.since).min();
                self.state = State::Interrupted(Gap {
                    as_of: as_of.unwrap_or(now).min(now),
                    clock,
                    reading_lost,
                    ingestors: None,
                });
            }
            State::Interrupted(gap) if !is_interrupted => {
                self.state = State::CatchingUp {
                    gap: *gap,
                    ended_at: now,
                };
            }
            State::CatchingUp { gap, .. } if is_interrupted => self.state = State::Interrupted(*gap),
            State::CatchingUp { gap, ended_at } => {
                let ended_at = *ended_at;
                let has_caught_up = self.ingestors.has_caught_up(ended_at, now)
                    && self.enrichers.has_caught_up(ended_at, now);
                if has_caught_up || now - ended_at >= self.stale_after {
                    if let Some(unobserved) = gap.unobserved(now) {
                        self.gaps.add(unobserved);
                    }
                    self.state = State::Observing;
                }
            }
            State::Starting { .. } | State::Observing | State::Interrupted(_) => {}
        }
        self.note_gap(reading_lost, now);
        self.gaps.forget(self.stale_after, now);
    }

    /// Updates the interruption while it lasts.
    fn note_gap(&mut self, reading_lost: bool, now: Timestamp) {
        let ingestors = self.ingestors;
        if let State::Interrupted(gap) = &mut self.state {
            gap.reading_lost |= reading_lost;
            if gap.ingestors.is_none() && ingestors.is_silent(now) {
                let from = ingestors.heard_at.map_or(gap.as_of, |at| at + GRACE);
                gap.ingestors = Some(IngestorGap {
                    from,
                    heard: None,
                    witnessed: None,
                });
            }
        }
    }

    /// The time by which sessions go stale. It stops during an interruption and until the backlog is processed, and omits
    /// the time during which no ingestor read the emitter.
    pub fn clock(&self, now: Timestamp) -> Timestamp {
        match &self.state {
            State::Starting { .. } => now,
            State::Interrupted(gap) | State::CatchingUp { gap, .. } => gap.clock,
            State::Observing => {
                let heard = [self.ingestors, self.enrichers].map(|source| source.heard_at);
                let heard_at = heard.into_iter().flatten().min().unwrap_or(now);
                self.gaps.clock(now.min(heard_at + GRACE), self.stale_after)
            }
        }
    }

    /// The last time at which everything was known; `None` if that is now. Until everything has been known once, the start.
    pub fn as_of(&self) -> Option<Timestamp> {
        match &self.state {
            State::Starting { since } => Some(*since),
            State::Observing => None,
            State::Interrupted(gap) | State::CatchingUp { gap, .. } => Some(gap.as_of),
        }
    }

    /// Whether the website is not observed, so that silence does not mean that a visitor has left.
    pub fn is_interrupted(&self) -> bool {
        !matches!(self.state, State::Observing)
    }

    /// Whether the website has been observed since the start.
    pub fn has_begun(&self) -> bool {
        !matches!(self.state, State::Starting { .. })
    }

    /// What is missing if a gateway should have observed the website by now but has not since its start.
    pub fn silence_since_start(&self, now: Timestamp) -> Option<String> {
        let is_late = self.started_at().is_some_and(|at| now - at > SILENT_AFTER);
        is_late.then(|| {
            let missing = self.cut_off(now).into_iter().map(|cut_off| match cut_off.part {
                Part::Streams | Part::Backlog => "the streams cannot be read",
                Part::Ingestors => "no ingestor is heard",
                Part::Enrichers => "no enricher is heard",
            });
            let missing: Vec<_> = missing.collect();
            format!("{}: it is not known who is on the website", missing.join(", "))
        })
    }

    /// What is cut off, and since when, at the last update. Empty if and only if [`Observation::as_of`] is `None`.
    pub fn interruptions(&self) -> Vec<Interruption> {
        match &self.state {
            State::Observing => Vec::new(),
            State::CatchingUp { ended_at, .. } => vec![Interruption {
                part: Part::Backlog,
                since: *ended_at,
            }],
            State::Starting { .. } | State::Interrupted(_) => self.cut_off(self.updated_at),
        }
    }

    /// Shifts all times by a step of the server's clock.
    pub fn shift(&mut self, by: Millis) {
        match &mut self.state {
            State::Starting { since } => *since += by,
            State::Observing => {}
            State::Interrupted(gap) => gap.shift(by),
            State::CatchingUp { gap, ended_at } => {
                gap.shift(by);
                *ended_at += by;
            }
        }
        self.ingestors.shift(by);
        self.enrichers.shift(by);
        self.updated_at += by;
        for at in [&mut self.unread_since, &mut self.own_heard_at] {
            *at = at.map(|at| at + by);
        }
        self.gaps.shift(by);
    }

    fn started_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Starting { since } => Some(since),
            State::Observing | State::Interrupted(_) | State::CatchingUp { .. } => None,
        }
    }

    /// Whether no status arrives, not even our own: the connection is lost, and its client has not noticed it yet.
    fn is_cut_off_from_nats(&self, now: Timestamp) -> bool {
        self.own_heard_at.is_some_and(|at| now - at > SILENT_AFTER)
            && self.ingestors.is_silent(now)
            && self.enrichers.is_silent(now)
    }

    fn cut_off(&self, now: Timestamp) -> Vec<Interruption> {
        if let Some(since) = self.unread_since {
            return vec![Interruption {
                part: Part::Streams,
                since,
            }];
        }
        if let Some(since) = self.own_heard_at
            && self.is_cut_off_from_nats(now)
        {
            return vec![Interruption {
                part: Part::Streams,
                since,
            }];
        }
        let sources = [
            (Part::Ingestors, self.ingestors),
            (Part::Enrichers, self.enrichers),
        ];
        sources
            .into_iter()
            .filter(|(_, source)| source.is_silent(now))
            .map(|(part, source)| Interruption {
                part,
                since: source.heard_at.or(self.started_at()).unwrap_or(now),
            })
            .collect()
    }
}

impl Gap {
    /// The time during which no ingestor may have read the emitter, if any; `now` is the end of the interruption.
    fn unobserved(&self, now: Timestamp) -> Option<Unobserved> {
        let gap = self.ingestors?;
        let from = gap.witnessed.unwrap_or(gap.from);
        let to = match gap.heard {
            // Statuses may have been lost: the ingestors may have run all the time, or since they started.
            Some(Heard { started_at, .. }) if self.reading_lost => started_at.min(now),
            _ => now,
        };
        (from < to).then_some(Unobserved { from, to })
    }

    fn shift(&mut self, by: Millis) {
        self.as_of += by;
        self.clock += by;
        if let Some(gap) = &mut self.ingestors {
            gap.from += by;
            if let Some(heard) = &mut gap.heard {
                heard.at += by;
                heard.started_at += by;
            }
            gap.witnessed = gap.witnessed.map(|at| at + by);
        }
    }
}

#[cfg(test)]
mod tests;
