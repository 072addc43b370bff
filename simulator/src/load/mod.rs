//! Load for soaks and benchmarks: sends events at an exact rate, and knows the sessions that must be active at the end.
//!
//! No record of single events is needed: the [`Load`] itself knows which sessions are active.

mod config;
mod encode;
mod pace;
mod population;

use std::time::Duration;

use bytes::BytesMut;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

pub use config::{LoadConfig, Mix};
pub use population::ActiveSession;

use crate::{
    clock,
    emitter::{Emitter, Tally},
};
use encode::Encoder;
use pace::Pace;
use population::Population;

/// How often events go out. Those due at one tick go out in one write per client.
const TICK: Duration = Duration::from_millis(1);

/// Maximum number of events in one write. After a stall of the machine the rest follows at once, in further writes.
const MAX_EVENTS_PER_WRITE: u64 = 4_096;

/// How many bytes wait for a client while a load is [poured](Load::pour): enough for the client never to wait.
const POURED_AHEAD: usize = 4 << 20;

/// The events that one run of a load has sent.
#[derive(Clone, Copy, Debug)]
pub struct LoadReport {
    /// The events.
    pub sent: Tally,
    /// How long it took.
    pub took: Duration,
    /// The bytes that waited for the slowest client in the end. A large number means that the client did not keep up.
    pub backlog: usize,
}

/// A load that can be run in several parts. It first opens the sessions.
#[derive(Debug)]
pub struct Load {
    population: Population,
    encoder: Encoder,
    rate: f64,
}

impl Load {
    /// A load that has sent nothing yet.
    #[must_use]
    pub fn new(config: &LoadConfig) -> Self {
        Self {
            population: Population::new(config),
            encoder: Encoder::default(),
            rate: config.rate,
        }
    }

    /// Changes the rate of later runs, in events per second.
    pub fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// Opens sessions, at the load's rate, until as many as configured are live. Does not return while the rate is 0.
    pub async fn open_all(&mut self, emitter: &Emitter) -> LoadReport {
        self.drive(emitter, self.population.missing()).await
    }

    /// Sends events at the load's rate for a time.
    pub async fn run(&mut self, emitter: &Emitter, duration: Duration) -> LoadReport {
        self.drive(emitter, Pace::new(self.rate).due(duration)).await
    }

    /// Sends events for a time, as fast as the slowest client reads them.
    pub async fn pour(&mut self, emitter: &Emitter, duration: Duration) -> LoadReport {
        let start = Instant::now();
        let mut sent = Tally::default();
        while start.elapsed() < duration {
            if emitter.backlog() < POURED_AHEAD {
                sent += self.send_batch(emitter, MAX_EVENTS_PER_WRITE);
                tokio::task::yield_now().await;
            } else {
                sleep(TICK).await;
            }
        }
        LoadReport {
            sent,
            took: start.elapsed(),
            backlog: emitter.backlog(),
        }
    }

    /// The sessions that are active after all that has been sent, in no order.
    pub fn active(&self) -> impl Iterator<Item = ActiveSession> + '_ {
        self.population.active()
    }

    /// Sends this number of events when they are due.
    async fn drive(&mut self, emitter: &Emitter, count: u64) -> LoadReport {
        let (start, pace) = (Instant::now(), Pace::new(self.rate));
        let mut sent = Tally::default();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while sent.events() < count {
            ticks.tick().await;
            // Events that become due meanwhile wait for the next tick, so that writes are few and large.
            let due = pace.due(start.elapsed()).min(count);
            while sent.events() < due {
                sent += self.send_batch(emitter, MAX_EVENTS_PER_WRITE.min(due - sent.events()));
                // Between two full writes the clients' tasks can run, even on one thread.
                tokio::task::yield_now().await;
            }
        }
        LoadReport {
            sent,
            took: start.elapsed(),
            backlog: emitter.backlog(),
        }
    }

    fn send_batch(&mut self, emitter: &Emitter, events: u64) -> Tally {
        let mut frames = BytesMut::new();
        let tally = self.write(events, clock::now_ms(), &mut frames);
        emitter.send_frames(&frames.freeze(), tally);
        tally
    }

    /// Appends the frames of the next events, all of them of this millisecond.
    fn write(&mut self, events: u64, now_ms: i64, frames: &mut BytesMut) -> Tally {
        let mut tally = Tally::default();
        let batch = self.encoder.batch(now_ms, events, frames);
        for _ in 0..events {
            let (kind, session) = self.population.next(now_ms);
            batch.put(kind, &session.guid, &session.ip, frames);
            tally.count(kind);
        }
        tally
    }
}

#[cfg(test)]
mod tests;
