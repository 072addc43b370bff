//! Sessions that wait for a verdict, by address, and when each address is looked up. Pure.
//!
//! Waiting is cheap: a session keeps at most two of its raw messages, however long it waits. Failed lookups are retried
//! from here, and waiting sessions do not block the intake.

mod ready_queue;
mod retry;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use protocol::guid::GuidMap;
use protocol::sample::{self, Sample};
use protocol::{Guid, Millis, Timestamp};

use self::ready_queue::ReadyQueue;
use crate::address_key::Key;
use crate::lookup::failure::RetryKind;
use crate::lookup::interest::Interest;
use crate::queue::waiting_session::WaitingSession;
use crate::sighting::Sighting;

/// The state of the lookup of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is queued for its lookup.
    Ready,
    /// Its lookup is in progress.
    LookedUp,
    /// Its last lookup failed; the next one begins at this time.
    Retry(RetryAt),
}

/// When a lookup is retried; the number distinguishes retries that are due at the same instant.
type RetryAt = (Instant, u64);

/// The sessions that wait for the verdict on one address.
#[derive(Debug)]
struct Address<T> {
    sessions: Vec<(Guid, WaitingSession<T>)>,
    interest: Interest,
    stage: Stage,
    /// How many times in a row its lookup has failed.
    failures: u32,
    /// How many of these failures were transient, since its start or since it was revived.
    transient: u32,
    /// Whether it was looked up early after an outage, with its transient failures reset. That happens once.
    revived: bool,
    /// Whether its next lookup is early, because another address has had a usable answer.
    early: bool,
    /// Whether its last call was refused together with our account.
    refused: bool,
}

/// The result of adding a sighting.
#[derive(Debug, PartialEq, Eq)]
pub struct Added<T> {
    /// Whether another session is already waiting for the same address.
    pub shares_lookup: bool,
    /// The ticket of a sighting of the same session that is no longer needed.
    pub superseded: Option<T>,
}

/// A lookup to make, and the sighting that causes it.
#[derive(Debug)]
pub struct PendingLookup<'a, T> {
    /// A sighting from the address.
    pub sighting: &'a Sighting,
    /// Its ticket.
    pub ticket: &'a T,
    /// Whether a session is still waiting.
    pub interest: Interest,
    /// How many lookups of the address have failed so far.
    pub failures: u32,
    /// Whether the lookup is early, because another address has just had a usable answer.
    pub early: bool,
}

/// All waiting sessions. `T` is the caller's ticket for each sighting.
#[derive(Debug)]
pub struct WaitingSessions<T> {
    addresses: HashMap<Key, Address<T>>,
    sessions: usize,
    ready: ReadyQueue,
    retries: BTreeMap<RetryAt, Key>,
    next_retry: u64,
    /// Addresses to retry early once the provider gives a usable answer.
    retry_on_success: HashSet<Key>,
    /// Sessions whose messages went back to the queue, and until when these are expected again.
    postponed: GuidMap<Millis>,
}

impl<T> WaitingSessions<T> {
    /// Creates an empty set.
    pub fn new() -> Self {
        Self {
            addresses: HashMap::new(),
            sessions: 0,
            ready: ReadyQueue::default(),
            retries: BTreeMap::new(),
            next_retry: 0,
            retry_on_success: HashSet::new(),
            postponed: GuidMap::default(),
        }
    }

    /// Adds a sighting of a session without a verdict. A new address is queued for its lookup.
    pub fn add(&mut self, key: Key, sighting: Sighting, ticket: T) -> Added<T> {
        self.postponed.remove(&sighting.guid);
        let address = self.addresses.entry(key).or_insert_with(|| {
            self.ready.push_back(key, false);
            Address {
                sessions: Vec::with_capacity(1),
                interest: Interest::default(),
                stage: Stage::Ready,
                failures: 0,
                transient: 0,
                revived: false,
                early: false,
                refused: false,
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

    /// The next address to look up now, if there is one. Its lookup counts as in progress from then on. `with_refused`:
    /// whether it may be one whose last call was refused.
    pub fn next(&mut self, now: Instant, with_refused: bool) -> Option<Key> {
        while let Some(retry) = self.retries.first_entry().filter(|retry| retry.key().0 <= now) {
            let key = retry.remove();
            if let Some(address) = self.addresses.get_mut(&key) {
                address.stage = Stage::Ready;
                self.ready.push_back(key, address.refused);
            }
        }
        loop {
            let key = self.ready.pop(with_refused)?;
            let address = self.addresses.get_mut(&key);
            if let Some(address) = address.filter(|address| address.stage == Stage::Ready) {
                address.stage = Stage::LookedUp;
                return Some(key);
            }
        }
    }

    /// When the next retry is due.
    pub fn next_retry(&self) -> Option<Instant> {
        self.retries.keys().next().map(|(at, _)| *at)
    }

    /// Whether an address is queued for its lookup.
    pub fn is_any_ready(&self, with_refused: bool) -> bool {
        !self.ready.is_empty(with_refused)
    }

    /// The session for which an address is looked up.
    pub fn lookup(&self, key: Key) -> Option<PendingLookup<'_, T>> {
        let address = self.addresses.get(&key)?;
        let (_, session) = address.sessions.first()?;
        let (sighting, ticket) = session.first();
        Some(PendingLookup {
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

    /// The lookup in progress has yielded no verdict; it is retried after a pause. `jitter` is between 0 and 1.
    pub fn failed(&mut self, key: Key, kind: RetryKind, now: Instant, jitter: f64) {
        let Some(address) = self.addresses.get_mut(&key) else {
            return;
        };
        if address.stage != Stage::LookedUp {
            return;
        }
        address.failures = address.failures.saturating_add(1);
        address.early = false;
        address.refused = kind == RetryKind::Refused;
        if address.refused {
            address.stage = Stage::Ready;
            self.ready.push_back(key, true);
            return;
        }
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
        let is_revivable = is_transient && address.transient >= retry::RANDOM_FAILURES && !address.revived;
        if early_retry || is_revivable {
            self.retry_on_success.insert(key);
        }
        let failures = if is_transient {
            address.transient
        } else {
            address.failures
        };
        let pause = retry::pause(kind, failures, jitter);
        self.retry(key, now + pause);
    }

    /// The provider has given a usable answer, so failures of other addresses may have been its fault and may be over.
    pub fn succeeded(&mut self, now: Instant) {
        for key in std::mem::take(&mut self.retry_on_success) {
            let Some(address) = self.addresses.get_mut(&key) else {
                continue;
            };
            if let Stage::Retry(at) = address.stage {
                address.early = true;
                if address.transient >= retry::RANDOM_FAILURES {
                    address.transient = 0;
                    address.revived = true;
                }
                self.retries.remove(&at);
                self.retry(key, now);
            }
        }
    }

    /// The lookup in progress was not made: the address goes back to the head of the queue.
    pub fn put_back(&mut self, key: Key) {
        if let Some(address) = self.addresses.get_mut(&key)
            && address.stage == Stage::LookedUp
        {
            address.stage = Stage::Ready;
            self.ready.push_front(key, address.refused);
        }
    }

    /// Removes and returns all sessions that wait for an address.
    pub fn take(&mut self, key: Key) -> Vec<(Sighting, T)> {
        let Some(address) = self.remove(key) else {
            return Vec::new();
        };
        sightings(address.sessions)
    }

    /// Removes and returns one session. If it was the last one that waited for its address, cancels the interest in that.
    pub fn take_session(&mut self, key: Key, guid: &Guid) -> Vec<(Sighting, T)> {
        self.drain_matching(key, |session, _| session == guid)
    }

    /// Removes and returns the sessions that were last sighted before `deadline`.
    pub fn drain_silent(&mut self, deadline: Timestamp) -> Vec<(Sighting, T)> {
        let silent = |session: &WaitingSession<T>| session.received_at() < deadline;
        let keys: Vec<_> = self
            .addresses
            .iter()
            .filter(|(_, address)| address.sessions.iter().any(|(_, session)| silent(session)))
            .map(|(key, _)| *key)
            .collect();
        keys.into_iter()
            .flat_map(|key| self.drain_matching(key, |_, session| silent(session)))
            .collect()
    }

    /// Removes all sessions and cancels the interest in all addresses.
    pub fn take_all(&mut self) -> Vec<(Sighting, T)> {
        self.sessions = 0;
        self.ready.clear();
        self.retries.clear();
        self.retry_on_success.clear();
        let addresses = self.addresses.drain().map(|(_, address)| address);
        addresses
            .flat_map(|address| {
                address.interest.lose();
                sightings(address.sessions)
            })
            .collect()
    }

    /// The sessions that were first sighted before `deadline`: all of them, or only those whose lookup has failed.
    pub fn waiting_since(
        &self,
        deadline: Timestamp,
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

    /// A session without a verdict went back to the queue. It is redelivered before `until`, here or to another enricher.
    pub fn postponed(&mut self, guid: Guid, until: Millis) {
        self.postponed.insert(guid, until);
    }

    /// A session has a verdict, or no longer needs one.
    pub fn identified(&mut self, guid: &Guid) {
        self.postponed.remove(guid);
    }

    /// How many sessions are being identified.
    pub fn being_identified(&mut self, now: Millis) -> usize {
        self.postponed.retain(|_, until| *until > now);
        self.sessions + self.postponed.len()
    }

    /// A sample of the sessions that are being identified, including `others`.
    pub fn sample_with<'a>(&'a self, others: impl Iterator<Item = &'a Guid>) -> Sample {
        let sessions = self.addresses.values().flat_map(|address| &address.sessions);
        let waiting = sessions.map(|(guid, _)| guid).chain(self.postponed.keys());
        Sample::of(waiting.chain(others).map(sample::hash))
    }

    /// How many sessions are waiting.
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

    fn drain_matching(
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
