//! Which fault hits whom, when, and for how long: from a seed, within the [rules](crate::chaos::rules). Pure.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::chaos::rules::permit;
use crate::chaos::strike::{Strike, Victim};
use crate::member::Role;

/// How often another fault is thought of where the first may not be done now.
const ATTEMPTS: usize = 64;

/// How many there are of each kind of process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Ingestors.
    pub ingestors: usize,
    /// Enrichers.
    pub enrichers: usize,
    /// Gateways.
    pub gateways: usize,
    /// NATS servers: one, or a cluster.
    pub nats_servers: usize,
}

/// The pace of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often a fault begins.
    pub every: Duration,
    /// For how long, until there is a quiet point.
    pub round: Duration,
}

/// The faults of the `number`th round, in the order in which they begin. The first round of a seed, the second and so on
/// are the same each time.
#[must_use]
pub fn round(cast: Cast, pace: Pace, seed: u64, number: u64) -> Vec<Strike> {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number));
    let mut planned = Vec::new();
    let mut at = Duration::ZERO;
    while at < pace.round {
        let thought_of = (0..ATTEMPTS).map(|_| draw(cast, at, &mut rng));
        let permitted = thought_of
            .into_iter()
            .find(|strike| permit(cast, &planned, strike));
        planned.extend(permitted);
        at += pace.every;
    }
    planned
}

fn draw(cast: Cast, at: Duration, rng: &mut StdRng) -> Strike {
    let kinds = kinds(cast);
    let kind = kinds.choose(rng);
    let victim = kind
        .and_then(|kind| kind.choose(rng))
        .copied()
        .unwrap_or(Victim::Emitter);
    let (harm, most) = victim.harms()[rng.random_range(0..victim.harms().len())];
    Strike {
        at,
        victim,
        harm,
        lasting: Duration::from_millis(rng.random_range(0..=most)),
    }
}

/// Everybody who can be struck, by kind; each kind is as often as any other.
fn kinds(cast: Cast) -> [Vec<Victim>; 6] {
    [
        members(Role::Ingestor, cast.ingestors),
        members(Role::Enricher, cast.enrichers),
        members(Role::Gateway, cast.gateways),
        (0..cast.nats_servers).map(Victim::Nats).collect(),
        vec![Victim::Emitter],
        vec![Victim::Deanonymizer],
    ]
}

fn members(role: Role, count: usize) -> Vec<Victim> {
    (0..count).map(|number| Victim::Member(role, number)).collect()
}

#[cfg(test)]
mod tests;
