//! The sessions of a load: which are live, and the next event. Pure and seeded.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::fmt::Hyphenated;

use super::config::{LoadConfig, Mix};
use crate::{
    event::EventKind,
    world::{Kind, World},
};

/// An address that many sessions share.
type Address = Arc<str>;

impl Mix {
    fn percent(self) -> &'static [(Kind, u32)] {
        match self {
            Self::Light => &[(Kind::Full, 40), (Kind::CompanyOnly, 60)],
            Self::Real => &[
                (Kind::Full, 17),
                (Kind::MixedEmails, 4),
                (Kind::PersonalEmails, 4),
                (Kind::CompanyOnly, 37),
                (Kind::NexaCore, 13),
                (Kind::VertexCloud, 13),
                (Kind::Unknown, 11),
                (Kind::Empty, 1),
            ],
        }
    }
}

/// A session that must be active in the end, unless it is a data centre's: those must be hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveSession {
    /// The session.
    pub guid: String,
    /// The visitor's address.
    pub ip: String,
    /// What is known about the address.
    pub kind: Kind,
    /// The opened event's time in milliseconds since the epoch.
    pub opened_at_ms: i64,
    /// The last event's time in milliseconds since the epoch.
    pub last_activity_at_ms: i64,
}

/// A session, kept small because there may be very many.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) guid: [u8; Hyphenated::LENGTH],
    pub(super) ip: Address,
    kind: Kind,
    opened_at_ms: i64,
    last_activity_at_ms: i64,
}

#[derive(Debug)]
pub(super) struct Population {
    addresses: Vec<(Address, Kind)>,
    live: Vec<Session>,
    wanted: usize,
    churn: f64,
    /// The next session to send a keep-alive. Sessions take turns, so that none goes stale.
    turn: usize,
    rng: ChaCha8Rng,
}

impl Population {
    pub(super) fn new(config: &LoadConfig) -> Self {
        let wanted = config.sessions.max(1);
        Self {
            addresses: addresses(config),
            live: Vec::with_capacity(wanted),
            wanted,
            churn: config.churn,
            turn: 0,
            rng: ChaCha8Rng::seed_from_u64(config.course),
        }
    }

    /// The number of sessions that must still open.
    pub(super) fn missing(&self) -> u64 {
        (self.wanted - self.live.len()) as u64
    }

    /// The next event. Opens sessions until there are enough; a session that closes is followed by another's opening.
    pub(super) fn next(&mut self, now_ms: i64) -> (EventKind, Session) {
        if self.live.len() < self.wanted {
            let session = self.open(now_ms);
            self.live.push(session.clone());
            return (EventKind::SessionOpened, session);
        }
        if self.rng.random_bool(self.churn.clamp(0.0, 1.0)) {
            let leaving = self.rng.random_range(0..self.live.len());
            return (EventKind::SessionClosed, self.live.swap_remove(leaving));
        }
        self.turn = (self.turn + 1) % self.live.len();
        let session = &mut self.live[self.turn];
        session.last_activity_at_ms = now_ms;
        (EventKind::KeepAlive, session.clone())
    }

    pub(super) fn active(&self) -> impl Iterator<Item = ActiveSession> + '_ {
        self.live.iter().map(|session| ActiveSession {
            guid: String::from_utf8_lossy(&session.guid).into_owned(),
            ip: session.ip.to_string(),
            kind: session.kind,
            opened_at_ms: session.opened_at_ms,
            last_activity_at_ms: session.last_activity_at_ms,
        })
    }

    fn open(&mut self, now_ms: i64) -> Session {
        let mut guid = [0; Hyphenated::LENGTH];
        uuid::Builder::from_random_bytes(self.rng.random())
            .into_uuid()
            .hyphenated()
            .encode_lower(&mut guid);
        let (ip, kind) = self.addresses[self.rng.random_range(0..self.addresses.len())].clone();
        Session {
            guid,
            ip,
            kind,
            opened_at_ms: now_ms,
            last_activity_at_ms: now_ms,
        }
    }
}

/// The addresses that visitors come from, as many of each kind as the mix wants, but at least one.
fn addresses(config: &LoadConfig) -> Vec<(Address, Kind)> {
    let world = World::new(config.seed);
    let of_kind = |(kind, percent): &(Kind, u32)| {
        let (kind, count) = (*kind, (config.addresses.saturating_mul(*percent) / 100).max(1));
        (0..count).map(move |n| (world.ip(kind, n).into(), kind))
    };
    config.mix.percent().iter().flat_map(of_kind).collect()
}
