//! Sessions that wait for a verdict, by address, and when each address is looked up. Pure.
//!
//! Waiting costs nothing: a session holds on to at most two of its raw messages however long it waits, a lookup that
//! failed is tried again from here, and nothing that waits stops the intake.

mod retry;
mod session;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Instant;

use protocol::guid::GuidMap;
use protocol::sample::{self, Sample};
use protocol::{Guid, Millis};

use self::session::WaitingSession;
use crate::address_key::Key;
use crate::lookup::failure::RetryKind;
use crate::lookup::interest::Interest;
use crate::sighting::Sighting;

/// The state of the lookup of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It stands in the line of those to be looked up.
    Ready,
    /// Its lookup is under way.
    LookedUp,
    /// Its last lookup failed; the next begins then.
    Retry(RetryAt),
}

/// When a lookup is tried again; the number tells apart those that are due at the same instant.
type RetryAt = (Instant, u64);

/// The sessions that wait for the verdict on one address.
#[derive(Debug)]
struct Address<T> {
    sessions: Vec<(Guid, WaitingSession<T>)>,
    interest: Interest,
    stage: Stage,
    /// How often its lookup has failed in a row.
    failures: u32,
    /// How many of these failures were transient, since its start or since it was revived.
    transient: u32,
    /// Whether it was looked up early, after an outage, with its transient failures forgotten. That happens once.
    revived: bool,
    /// Whether its next lookup comes before its time, because another address has had a usable answer.
    early: bool,
}

/// The result of adding a sighting.
#[derive(Debug, PartialEq, Eq)]
pub struct Added<T> {
    /// Whether another session waits for the same address already.
    pub shares_lookup: bool,
    /// The ticket of a sighting of the same session that is not needed any longer.
    pub superseded: Option<T>,
}

/// A lookup to make, with the sighting that causes it.
#[derive(Debug)]
pub struct Wanted<'a, T> {
    /// A sighting from the address.
    pub sighting: &'a Sighting,
    /// Its ticket.
    pub ticket: &'a T,
    /// Whether a session still waits.
    pub interest: Interest,
    /// How many lookups of the address have failed so far.
    pub failures: u32,
    /// Whether the lookup comes before its time, because another address has just had a usable answer.
    pub early: bool,
}

/// All sessions that wait. `T` is what the caller wants to find again with each sighting.
#[derive(Debug)]
pub struct Waiting<T> {
    addresses: HashMap<Key, Address<T>>,
    sessions: usize,
    ready: VecDeque<Key>,
    retries: BTreeMap<RetryAt, Key>,
    next_retry: u64,
    /// Addresses to retry early once the provider gives a usable answer.
    doubted: HashSet<Key>,
    /// Sessions whose messages went back to the queue, and until when they are believed to come again.
    postponed: GuidMap<Millis>,
}

impl<T> Waiting<T> {
    /// Nobody waits.
    pub fn new() -> Self {
        Self {
            addresses: HashMap::new(),
            sessions: 0,
            ready: VecDeque::new(),
            retries: BTreeMap::new(),
            next_retry: 0,
            doubted: HashSet::new(),
            postponed: GuidMap::default(),
        }
    }

    /// Adds a sighting of a session without a verdict. A new address gets into line.
    pub fn add(&mut self, key: Key, sighting: Sighting, ticket: T) -> Added<T> {
        self.postponed.remove(&sighting.guid);
        let address = self.addresses.entry(key).or_insert_with(|| {
            self.ready.push_back(key);
            Address {
                sessions: Vec::with_capacity(1),
                interest: Interest::default(),
                stage: Stage::Ready,
                failures: 0,
                transient: 0,
                revived: false,
                early: false,
            }
        });
        if let Some((_, session)) = address
            .sessions
            .iter_mut()
            .find(|(guid, _)| *guid == sighting.guid)
        {
            return Added {
                shares_lookup: false,
                superseded: session.fold(sighting, ticket),
            };
        }
        let shares_lookup = !address.sessions.is_empty();
        let guid = sighting.guid.clone();
        address
            .sessions
            .push((guid, WaitingSession::new(sighting, ticket)));
        self.sessions += 1;
        Added {
            shares_lookup,
            superseded: None,
        }
    }

    /// The next address to look up now, if there is one; its lookup is then under way.
    pub fn next(&mut self, now: Instant) -> Option<Key> {
        while let Some(retry) = self.retries.first_entry().filter(|retry| retry.key().0 <= now) {
            let key = retry.remove();
            if let Some(address) = self.addresses.get_mut(&key) {
                address.stage = Stage::Ready;
                self.ready.push_back(key);
            }
        }
        loop {
            let key = self.ready.pop_front()?;
            let address = self.addresses.get_mut(&key);
            if let Some(address) = address.filter(|address| address.stage == Stage::Ready) {
                address.stage = Stage::LookedUp;
                return Some(key);
            }
        }
    }

    /// When the next lookup that failed is due again.
    pub fn next_retry(&self) -> Option<Instant> {
        self.retries.keys().next().map(|(at, _)| *at)
    }

    /// Whether an address stands in line.
    pub fn is_any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The session for which an address is looked up.
    pub fn lookup(&self, key: Key) -> Option<Wanted<'_, T>> {
        let address = self.addresses.get(&key)?;
        let (_, session) = address.sessions.first()?;
        let (sighting, ticket) = session.first();
        Some(Wanted {
            sighting,
            ticket,
            interest: address.interest.clone(),
            failures: address.failures,
            early: address.early,
        })
    }

    /// Whether a session waits for an address.
    pub fn contains(&self, key: Key) -> bool {
        self.addresses.contains_key(&key)
    }

    /// The lookup under way has brought no verdict; it is tried again after a pause. `jitter` lies between 0 and 1.
    pub fn failed(&mut self, key: Key, kind: RetryKind, now: Instant, jitter: f64) {
        let Some(address) = self.addresses.get_mut(&key) else {
            return;
        };
        if address.stage != Stage::LookedUp {
            return;
        }
        address.failures = address.failures.saturating_add(1);
        address.early = false;
        let is_transient = kind == RetryKind::Transient;
        address.transient = address.transient.saturating_add(u32::from(is_transient));
        let early_retry = matches!(
            kind,
            RetryKind::Deferred {
                early_retry: true,
                ..
            }
        );
        // The first answer for any address ends an outage. An address that fails on its own is not retried for each answer.
        let outlasted_chance = is_transient && address.transient >= retry::CHANCE && !address.revived;
        if early_retry || outlasted_chance {
            self.doubted.insert(key);
        }
        let failures = if is_transient {
            address.transient
        } else {
            address.failures
        };
        let pause = retry::pause(kind, failures, jitter);
        self.retry(key, now + pause);
    }

    /// The provider has given a usable answer: what is wrong with others may have been its fault, and be over.
    pub fn succeeded(&mut self, now: Instant) {
        for key in std::mem::take(&mut self.doubted) {
            let Some(address) = self.addresses.get_mut(&key) else {
                continue;
            };
            if let Stage::Retry(at) = address.stage {
                address.early = true;
                if address.transient >= retry::CHANCE {
                    address.transient = 0;
                    address.revived = true;
                }
                self.retries.remove(&at);
                self.retry(key, now);
            }
        }
    }

    /// The lookup under way was not made: the address goes back to the head of the line.
    pub fn put_back(&mut self, key: Key) {
        if let Some(address) = self.addresses.get_mut(&key)
            && address.stage == Stage::LookedUp
        {
            address.stage = Stage::Ready;
            self.ready.push_front(key);
        }
    }

    /// Takes out all sessions that wait for an address.
    pub fn take(&mut self, key: Key) -> Vec<(Sighting, T)> {
        let Some(address) = self.remove(key) else {
            return Vec::new();
        };
        sightings(address.sessions)
    }

    /// Takes out one session. With the last that waits for an address, the interest in it is lost.
    pub fn take_session(&mut self, key: Key, guid: &Guid) -> Vec<(Sighting, T)> {
        self.take_where(key, |session, _| session == guid)
    }

    /// Takes out the sessions that were last sighted before `deadline`.
    pub fn take_silent(&mut self, deadline: Millis) -> Vec<(Sighting, T)> {
        let silent = |session: &WaitingSession<T>| session.received_at() < deadline;
        let keys: Vec<_> = self
            .addresses
            .iter()
            .filter(|(_, address)| address.sessions.iter().any(|(_, session)| silent(session)))
            .map(|(key, _)| *key)
            .collect();
        keys.into_iter()
            .flat_map(|key| self.take_where(key, |_, session| silent(session)))
            .collect()
    }

    /// Removes all sessions and cancels the interest in all addresses.
    pub fn take_all(&mut self) -> Vec<(Sighting, T)> {
        self.sessions = 0;
        self.ready.clear();
        self.retries.clear();
        self.doubted.clear();
        let addresses = self.addresses.drain().map(|(_, address)| address);
        addresses
            .flat_map(|address| {
                address.interest.lose();
                sightings(address.sessions)
            })
            .collect()
    }

    /// The sessions that were first sighted before `deadline`: all, or only those whose lookup has failed.
    pub fn waiting_since(
        &self,
        deadline: Millis,
        only_failed: bool,
    ) -> impl Iterator<Item = (Key, &Sighting, &T)> {
        let addresses = self.addresses.iter();
        addresses
            .filter(move |(_, address)| address.failures > 0 || !only_failed)
            .flat_map(move |(key, address)| {
                let sessions = address.sessions.iter().map(|(_, session)| session.first());
                sessions
                    .filter(move |(first, _)| first.received_at < deadline)
                    .map(move |(first, ticket)| (*key, first, ticket))
            })
    }

    /// A session without a verdict went back to the queue; it comes again before `until`, here or at another enricher.
    pub fn postponed(&mut self, guid: Guid, until: Millis) {
        self.postponed.insert(guid, until);
    }

    /// A session has a verdict, or needs none any longer.
    pub fn identified(&mut self, guid: &Guid) {
        self.postponed.remove(guid);
    }

    /// How many sessions are being identified.
    pub fn being_identified(&mut self, now: Millis) -> usize {
        self.postponed.retain(|_, until| *until > now);
        self.sessions + self.postponed.len()
    }

    /// Which sessions are being identified.
    pub fn sample(&self) -> Sample {
        let sessions = self.addresses.values().flat_map(|address| &address.sessions);
        let waiting = sessions.map(|(guid, _)| guid);
        Sample::of(waiting.chain(self.postponed.keys()).map(sample::hash))
    }

    /// How many sessions wait.
    pub fn len(&self) -> usize {
        self.sessions
    }

    fn retry(&mut self, key: Key, at: Instant) {
        if let Some(address) = self.addresses.get_mut(&key) {
            let at = (at, self.next_retry);
            self.next_retry += 1;
            address.stage = Stage::Retry(at);
            self.retries.insert(at, key);
        }
    }

    fn take_where(
        &mut self,
        key: Key,
        which: impl Fn(&Guid, &WaitingSession<T>) -> bool,
    ) -> Vec<(Sighting, T)> {
        let Some(address) = self.addresses.get_mut(&key) else {
            return Vec::new();
        };
        let taken: Vec<_> = address
            .sessions
            .extract_if(.., |(guid, session)| which(guid, session))
            .collect();
        self.sessions -= taken.len();
        if address.sessions.is_empty() {
            address.interest.lose();
            self.remove(key);
        }
        sightings(taken)
    }

    fn remove(&mut self, key: Key) -> Option<Address<T>> {
        let address = self.addresses.remove(&key)?;
        if let Stage::Retry(at) = address.stage {
            self.retries.remove(&at);
        }
        self.sessions -= address.sessions.len();
        Some(address)
    }
}

fn sightings<T>(sessions: Vec<(Guid, WaitingSession<T>)>) -> Vec<(Sighting, T)> {
    let sessions = sessions.into_iter();
    sessions
        .flat_map(|(_, session)| session.into_sightings())
        .collect()
}

#[cfg(test)]
mod tests;
