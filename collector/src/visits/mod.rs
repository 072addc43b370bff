//! The sessions of all visitors: beacons in, events out. Pure.

mod admission;
mod event;
mod session;
mod settings;
mod tabs;
#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use protocol::Millis;
use service::client_limit::client_key;

use self::admission::Admission;
pub use self::event::Event;
use self::session::{Closing, Due, Phase, Session};
pub use self::settings::Settings;
pub use self::tabs::Silence;
use crate::beacon::{Beacon, Presence};
use crate::drop_reason::DropReason;

/// How many sessions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Open ones.
    pub open: usize,
    /// Sessions that may not open yet.
    pub waiting: usize,
    /// Sessions that have not been visible for long enough, including the waiting ones.
    pub settling: usize,
}

/// All sessions.
#[derive(Debug)]
pub struct Visits {
    settings: Settings,
    sessions: HashMap<u128, Session>,
    deadlines: BTreeSet<(Millis, u128)>,
    waiting: BTreeMap<u64, u128>,
    closed: BTreeMap<u64, u128>,
    turn: u64,
    by_address: HashMap<IpAddr, usize>,
    open: usize,
    admission: Admission,
    /// Until this time, a beacon may belong to a session that an earlier collector has opened.
    inherits_until: Millis,
}

impl Visits {
    /// Creates it without sessions. An earlier collector may have opened some, whose pages send within four heartbeats.
    pub fn new(settings: Settings, started_at: Millis) -> Self {
        Self {
            inherits_until: started_at + settings.silence.visible,
            settings,
            sessions: HashMap::new(),
            deadlines: BTreeSet::new(),
            waiting: BTreeMap::new(),
            closed: BTreeMap::new(),
            turn: 0,
            by_address: HashMap::new(),
            open: 0,
            admission: Admission::new(settings.new_sessions_per_minute),
        }
    }

    /// Applies a beacon from `address`, and adds the resulting events to `events`.
    ///
    /// # Errors
    /// Returns the reason why the beacon is dropped.
    pub fn apply(
        &mut self,
        beacon: Beacon,
        address: IpAddr,
        now: Millis,
        events: &mut Vec<Event>,
    ) -> Result<(), DropReason> {
        self.advance(now, events);
        let id = beacon.session;
        if self.sessions.get(&id).is_some_and(Session::is_live) {
            self.apply_to_live(beacon, now, events)?;
        } else {
            self.apply_to_new(beacon, address, now)?;
        }
        self.schedule(id);
        // A session that has been settled before, or needs no settling, opens at once.
        self.advance(now, events);
        Ok(())
    }

    /// Handles deadlines that have passed, and adds the resulting events to `events`.
    pub fn advance(&mut self, now: Millis, events: &mut Vec<Event>) {
        while let Some((at, id)) = self.deadlines.first().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            self.run_due_action(id, now, events);
            self.schedule(id);
        }
        while let Some((turn, id)) = self.waiting.first_key_value().map(|(turn, id)| (*turn, *id)) {
            if !self.admission.admit(now) {
                break;
            }
            self.waiting.remove(&turn);
            self.open(id, now, events);
            self.schedule(id);
        }
    }

    fn open(&mut self, id: u128, now: Millis, events: &mut Vec<Event>) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.phase = Phase::Open { sent_at: now };
            self.open += 1;
            events.push(session.opened(id));
        }
    }

    /// When [`Visits::advance`] must be called next.
    pub fn next_deadline(&self) -> Option<Millis> {
        let sessions = self.deadlines.first().map(|(at, _)| *at);
        let admission = (!self.waiting.is_empty()).then(|| self.admission.next_at());
        [sessions, admission].into_iter().flatten().min()
    }

    /// An opened event for each open session, with the time at which it opened.
    pub fn opened(&self) -> impl Iterator<Item = Event> {
        self.sessions
            .iter()
            .filter(|(_, session)| matches!(session.phase, Phase::Open { .. }))
            .map(|(id, session)| session.opened(*id))
    }

    /// A closed event for each closing that is remembered. One that was sent before may not have arrived.
    pub fn closed(&self, now: Millis) -> impl Iterator<Item = Event> {
        self.sessions
            .iter()
            .filter_map(move |(id, session)| session.closed_again(*id, now, &self.settings))
    }

    /// How many sessions there are.
    pub fn counts(&self) -> Counts {
        Counts {
            open: self.open,
            waiting: self.waiting.len(),
            settling: self.sessions.len() - self.closed.len() - self.open,
        }
    }

    /// How many visitors have sent a beacon since then. Takes a pass over all sessions.
    pub fn seen_since(&self, at: Millis) -> usize {
        self.sessions
            .values()
            .filter(|session| session.is_heard_since(at))
            .count()
    }

    fn apply_to_live(
        &mut self,
        beacon: Beacon,
        now: Millis,
        events: &mut Vec<Event>,
    ) -> Result<(), DropReason> {
        let (id, presence) = (beacon.session, beacon.presence);
        let session = self.sessions.get_mut(&id).ok_or(DropReason::Outdated)?;
        if !session.apply_to_tab(&beacon, now) {
            return Err(DropReason::Outdated);
        }
        session.apply(beacon, now, &self.settings);
        if let Phase::Open { sent_at } = &mut session.phase
            && presence == Presence::Visible
        {
            *sent_at = now;
            events.push(session.keep_alive(id));
        }
        Ok(())
    }

    /// A beacon of a session that is unknown or closed.
    ///
    /// The page of an unknown session may already be left: an earlier beacon may arrive later.
    fn apply_to_new(&mut self, beacon: Beacon, address: IpAddr, now: Millis) -> Result<(), DropReason> {
        let returns = match beacon.presence {
            Presence::Visible => true,
            Presence::Hidden => beacon.settled,
            Presence::Left => false,
        };
        let client = client_key(SocketAddr::new(address, 0));
        let full = self.room_for(client);
        match self.sessions.entry(beacon.session) {
            Entry::Occupied(mut closed) => {
                let session = closed.get_mut();
                if !session.apply_to_tab(&beacon, now) {
                    return Err(DropReason::Outdated);
                }
                if !returns {
                    return Ok(());
                }
                full?;
                if let Phase::Closed { turn, .. } = session.phase {
                    self.closed.remove(&turn);
                }
                session.restart(address, now);
                session.apply(beacon, now, &self.settings);
            }
            Entry::Vacant(place) => {
                full?;
                let mut session = Session::new(address, now);
                session.is_inherited = now < self.inherits_until;
                session.is_continued = session.is_inherited && beacon.settled;
                session.apply_to_tab(&beacon, now);
                session.apply(beacon, now, &self.settings);
                place.insert(session);
            }
        }
        *self.by_address.entry(client).or_default() += 1;
        Ok(())
    }

    fn room_for(&self, client: IpAddr) -> Result<(), DropReason> {
        if self.sessions.len() - self.closed.len() >= self.settings.max_sessions {
            return Err(DropReason::MaxSessions);
        }
        let of_client = self.by_address.get(&client).copied().unwrap_or_default();
        if of_client >= self.settings.max_sessions_per_address {
            return Err(DropReason::MaxSessionsPerAddress);
        }
        Ok(())
    }

    fn run_due_action(&mut self, id: u128, now: Millis, events: &mut Vec<Event>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.deadline = None;
        match session.due(now, &self.settings) {
            Due::Nothing => {}
            Due::Open if session.is_continued => self.open(id, now, events),
            Due::Open => {
                self.turn += 1;
                session.phase = Phase::Waiting { turn: self.turn };
                self.waiting.insert(self.turn, id);
            }
            Due::KeepAlive => {
                session.phase = Phase::Open { sent_at: now };
                events.push(session.keep_alive(id));
            }
            Due::Close(left_at) => {
                events.push(session.closed(id, left_at));
                self.remember(id, Closing { at: now, left_at });
            }
            Due::Withdraw(closing) => {
                session.withdraw();
                self.remember(id, closing);
            }
            Due::Forget => self.forget(id),
        }
    }

    /// Keeps a session that is closed, so that late beacons do not open it again.
    fn remember(&mut self, id: u128, closing: Closing) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        self.turn += 1;
        let closed = Phase::Closed {
            closing,
            turn: self.turn,
        };
        let before = std::mem::replace(&mut session.phase, closed);
        let address = session.address;
        self.closed.insert(self.turn, id);
        self.leave(before, address);
        self.forget_oldest();
    }

    fn forget(&mut self, id: u128) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        if let Some(deadline) = session.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.leave(session.phase, session.address);
    }

    /// Removes a session from the tables and counts of its phase.
    fn leave(&mut self, phase: Phase, address: IpAddr) {
        match phase {
            Phase::Closed { turn, .. } => {
                self.closed.remove(&turn);
                return;
            }
            Phase::Waiting { turn } => {
                self.waiting.remove(&turn);
            }
            Phase::Settling { .. } => {}
            Phase::Open { .. } => self.open -= 1,
        }
        self.release(address);
    }

    /// Keeps the memory of closed sessions within `max_sessions`.
    fn forget_oldest(&mut self) {
        if self.closed.len() > self.settings.max_sessions
            && let Some(id) = self.closed.first_key_value().map(|(_, id)| *id)
        {
            self.forget(id);
        }
    }

    fn release(&mut self, address: IpAddr) {
        if let Entry::Occupied(mut held) = self.by_address.entry(client_key(SocketAddr::new(address, 0))) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }

    fn schedule(&mut self, id: u128) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let next = session.next_deadline(&self.settings);
        if next == session.deadline {
            return;
        }
        if let Some(old) = std::mem::replace(&mut session.deadline, next) {
            self.deadlines.remove(&(old, id));
        }
        if let Some(next) = next {
            self.deadlines.insert((next, id));
        }
    }
}
