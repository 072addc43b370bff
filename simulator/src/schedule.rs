//! Schedules the events and faults of a simulated site. Pure: time is a number that only grows.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use strum::VariantArray;

use crate::{
    emitter::{Lively, ProtocolError},
    emitter_fault::{Fault, Faults, Occurrence},
    event::EventKind,
    script::{self, Rhythm, Step},
    world::World,
};

/// The visitors that are there at the start come within this time, in milliseconds.
const OPENING_HOURS_MS: u64 = 3_000;

/// An action of the emitter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Send an event.
    Send(Step),
    /// Send the event before with the fault.
    Malformed(Fault, Step),
    /// Close all connections, cleanly or not.
    CloseAll { cleanly: bool },
    /// Start or stop refusing connections.
    Refuse(bool),
    /// Start or stop being silent.
    Silence(bool),
    /// Send bytes that are not a frame.
    ProtocolError(ProtocolError),
}

/// A scheduled event.
#[derive(Debug)]
enum ScheduledEvent {
    /// The next visitor arrives.
    Arrival,
    /// The next step of a session.
    Session(VecDeque<Step>),
    /// A fault of the whole site strikes.
    SiteFault(Fault),
    /// Such a fault ends.
    End(Act),
}

/// The acts of a site, in order of time.
pub(crate) struct Schedule {
    world: World,
    faults: Faults,
    rhythm: Rhythm,
    mean_gap_ms: f64,
    rng: ChaCha8Rng,
    /// Ordered by time, then by insertion.
    agenda: BTreeMap<(u64, u64), ScheduledEvent>,
    entered: u64,
}

impl Schedule {
    /// A site that opens at time 0 with its mean number of sessions. The world determines who its visitors are, the course
    /// when they arrive.
    pub(crate) fn new(world: World, course: u64, lively: &Lively) -> Self {
        let mut schedule = Self {
            world,
            faults: lively.faults().clone(),
            rhythm: lively.rhythm(),
            mean_gap_ms: 1_000.0 / lively.rate(),
            rng: ChaCha8Rng::seed_from_u64(course),
            agenda: BTreeMap::new(),
            entered: 0,
        };
        for _ in 0..lively.sessions() {
            schedule.schedule_running_session();
        }
        schedule.enter_next_arrival(0);
        for fault in lively.faults().iter() {
            schedule.schedule_site_fault(fault, 0);
        }
        schedule
    }

    /// When the next act is due, in milliseconds from the start.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.agenda.first_key_value().map(|((due_ms, _), _)| *due_ms)
    }

    /// All acts that have come due.
    pub(crate) fn advance(&mut self, now_ms: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        while self.next_due_ms().is_some_and(|due_ms| due_ms <= now_ms) {
            let Some(((due_ms, _), entry)) = self.agenda.pop_first() else {
                break;
            };
            self.perform(due_ms, entry, &mut acts);
        }
        acts
    }

    fn perform(&mut self, now_ms: u64, entry: ScheduledEvent, acts: &mut Vec<Act>) {
        match entry {
            ScheduledEvent::Arrival => {
                let steps = self.plan();
                self.enter_session(now_ms, steps);
                self.enter_next_arrival(now_ms);
            }
            ScheduledEvent::Session(mut steps) => {
                let Some(step) = steps.pop_front() else { return };
                let came_ms = now_ms - step.after_ms;
                self.spoil(&step, acts);
                acts.push(Act::Send(step));
                self.enter_session(came_ms, steps);
            }
            ScheduledEvent::SiteFault(fault) => {
                self.begin_site_fault(now_ms, fault, acts);
                self.schedule_site_fault(fault, now_ms);
            }
            ScheduledEvent::End(act) => acts.push(act),
        }
    }

    /// Adds the broken messages that are sent along with an event.
    fn spoil(&mut self, step: &Step, acts: &mut Vec<Act>) {
        for fault in self.faults.iter() {
            if let Occurrence::Events(share) = fault.occurrence()
                && self.rng.random_bool(share)
            {
                acts.push(Act::Malformed(fault, step.clone()));
            }
        }
    }

    fn begin_site_fault(&mut self, now_ms: u64, fault: Fault, acts: &mut Vec<Act>) {
        match fault {
            Fault::CloseAll => acts.push(Act::CloseAll {
                cleanly: self.rng.random_bool(0.5),
            }),
            Fault::Refuse => {
                acts.extend([Act::Refuse(true), Act::CloseAll { cleanly: true }]);
                let end_ms = now_ms + self.rng.random_range(5_000..60_000);
                self.enter(end_ms, ScheduledEvent::End(Act::Refuse(false)));
            }
            Fault::Silence => {
                acts.push(Act::Silence(true));
                let end_ms = now_ms + self.rng.random_range(20_000..60_000);
                self.enter(end_ms, ScheduledEvent::End(Act::Silence(false)));
            }
            Fault::ProtocolError => {
                let error = ProtocolError::VARIANTS.choose(&mut self.rng);
                acts.extend(error.copied().map(Act::ProtocolError));
            }
            // All others affect single sessions or events.
            _ => {}
        }
    }

    fn plan(&mut self) -> Vec<Step> {
        script::plan(self.world, &self.faults, self.rhythm, &mut self.rng)
    }

    /// Schedules a session that is already running when the site opens: it opens now, with the rest of its duration.
    fn schedule_running_session(&mut self) {
        let mut steps = self.plan();
        let end_ms = steps
            .iter()
            .find(|step| step.kind == EventKind::SessionClosed)
            .or(steps.last());
        let gone_ms = self.rng.random_range(0..=end_ms.map_or(0, |step| step.after_ms));
        let gone = steps.partition_point(|step| step.after_ms < gone_ms);
        steps.drain(1..gone.max(1));
        for step in &mut steps {
            step.after_ms = step.after_ms.saturating_sub(gone_ms);
        }
        let came_ms = self.rng.random_range(0..OPENING_HOURS_MS);
        self.enter_session(came_ms, steps);
    }

    fn enter_session(&mut self, came_ms: u64, steps: impl Into<VecDeque<Step>>) {
        let steps = steps.into();
        if let Some(step) = steps.front() {
            self.enter(came_ms + step.after_ms, ScheduledEvent::Session(steps));
        }
    }

    fn enter_next_arrival(&mut self, now_ms: u64) {
        let due_ms = now_ms + self.waiting_time(self.mean_gap_ms);
        self.enter(due_ms, ScheduledEvent::Arrival);
    }

    fn schedule_site_fault(&mut self, fault: Fault, now_ms: u64) {
        if let Occurrence::Site(every) = fault.occurrence() {
            let due_ms = now_ms + self.waiting_time(every.as_secs_f64() * 1_000.0);
            self.enter(due_ms, ScheduledEvent::SiteFault(fault));
        }
    }

    /// Draws the time until the next event of a Poisson process with this mean interval.
    fn waiting_time(&mut self, mean_ms: f64) -> u64 {
        let chance: f64 = self.rng.random();
        let wait = Duration::from_secs_f64(-(1.0 - chance).ln() * mean_ms / 1_000.0);
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX / 2)
    }

    fn enter(&mut self, due_ms: u64, entry: ScheduledEvent) {
        self.agenda.insert((due_ms, self.entered), entry);
        self.entered += 1;
    }
}

#[cfg(test)]
mod tests;
