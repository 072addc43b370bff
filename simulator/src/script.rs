//! The script of one visitor: the events of a session with its faults. Pure and seeded.

mod visitor;

use std::sync::Arc;

use rand::{RngExt, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    emitter_fault::{Fault, Faults},
    event::{Event, EventKind, timestamp},
    world::World,
};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// One event of a session and when to send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in milliseconds after the visitor came.
    pub after_ms: u64,
    /// The kind.
    pub kind: EventKind,
    /// The session, as this event spells it.
    pub guid: Arc<str>,
    /// The visitor's address, as this event spells it.
    pub ip: Arc<str>,
    /// The timestamp.
    pub stamp: Stamp,
}

/// The timestamp of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// The time of sending plus an offset in milliseconds; 0 is correct.
    Offset(i64),
    /// Not a time.
    Garbage(&'static str),
}

/// The length of sessions and the interval of keep-alives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Mean duration of a session in milliseconds.
    pub session_ms: u64,
    /// Mean time between two keep-alives in milliseconds.
    pub keep_alive_ms: u64,
}

impl Step {
    /// The event, sent at a given time in milliseconds since the epoch.
    #[must_use]
    pub fn event(&self, now_ms: i64) -> Event {
        let timestamp = match self.stamp {
            Stamp::Offset(offset) => timestamp(now_ms + offset),
            Stamp::Garbage(text) => text.to_owned(),
        };
        Event {
            kind: self.kind,
            ip: self.ip.to_string(),
            guid: self.guid.to_string(),
            timestamp,
        }
    }
}

/// Plans a whole session, in order of time.
#[must_use]
pub fn plan(world: World, faults: &Faults, rhythm: Rhythm, rng: &mut ChaCha8Rng) -> Vec<Step> {
    let visitor = visitor::draw(world, faults, rng);
    let mut steps: Vec<_> = course(faults, rhythm, rng)
        .into_iter()
        .map(|(after_ms, kind)| Step {
            after_ms,
            kind,
            guid: one_of(&visitor.guids, rng),
            ip: one_of(&visitor.ips, rng),
            stamp: stamp(faults, rng),
        })
        .collect();
    steps.sort_by_key(|step| step.after_ms);
    steps
}

/// The steps with their times in milliseconds, unordered.
fn course(faults: &Faults, rhythm: Rhythm, rng: &mut ChaCha8Rng) -> Vec<(u64, EventKind)> {
    let early = faults.hit(Fault::KeepAliveBeforeOpening, rng);
    let opened = if early { rng.random_range(200..3_000) } else { 0 };
    let end = opened + around(rhythm.session_ms, 0.2, rng);

    let mut course = vec![(opened, EventKind::SessionOpened)];
    if early {
        course.push((0, EventKind::KeepAlive));
    }
    if faults.hit(Fault::DoubleOpening, rng) {
        course.push((opened + rng.random_range(50..5_000), EventKind::SessionOpened));
    }
    keep_alives(opened, end, rhythm, rng, &mut course);

    if !faults.hit(Fault::NoClosing, rng) {
        course.push((end, EventKind::SessionClosed));
        if faults.hit(Fault::DoubleClosing, rng) {
            course.push((end + rng.random_range(50..3_000), EventKind::SessionClosed));
        }
        if faults.hit(Fault::KeepAliveAfterClosing, rng) {
            let last = end + rng.random_range(1_000..5 * MINUTE_MS);
            course.push((end + rng.random_range(50..1_000), EventKind::KeepAlive));
            keep_alives(end, last, rhythm, rng, &mut course);
        }
    }
    course
}

fn keep_alives(from: u64, to: u64, rhythm: Rhythm, rng: &mut ChaCha8Rng, course: &mut Vec<(u64, EventKind)>) {
    let mut at = from + around(rhythm.keep_alive_ms, 0.6, rng);
    while at < to {
        course.push((at, EventKind::KeepAlive));
        at += around(rhythm.keep_alive_ms, 0.6, rng);
    }
}

/// A length of time around the mean, from `least` times the mean to as much above it.
fn around(mean_ms: u64, least: f64, rng: &mut ChaCha8Rng) -> u64 {
    let factor = rng.random_range(least..2.0 - least);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a product of positive times, in ms"
    )]
    let length = (mean_ms as f64 * factor) as u64;
    length.max(1)
}

fn stamp(faults: &Faults, rng: &mut ChaCha8Rng) -> Stamp {
    if faults.hit(Fault::GarbageTimestamp, rng) {
        let garbage = [
            "yesterday",
            "",
            "2025-13-45T99:99:99.999Z",
            "1740974641984",
            "0000-00-00T00:00:00.000Z",
        ];
        return Stamp::Garbage(garbage.choose(rng).copied().unwrap_or_default());
    }
    if faults.hit(Fault::OldTimestamp, rng) {
        return Stamp::Offset(-rng.random_range(HOUR_MS..48 * HOUR_MS));
    }
    if faults.hit(Fault::FutureTimestamp, rng) {
        return Stamp::Offset(rng.random_range(HOUR_MS / 6..48 * HOUR_MS));
    }
    Stamp::Offset(0)
}

fn one_of(spellings: &[Arc<str>], rng: &mut ChaCha8Rng) -> Arc<str> {
    spellings.choose(rng).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests;
