//! Which fault hits whom, when, and for how long: from a seed, within the [rules](crate::chaos::rules). Pure.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use strum::VariantArray as _;

use crate::chaos::fault::{Fault, FaultCategory, FaultKind, FaultSpec, LARGEST_CLOCK_STEP, Stored, Target};
use crate::chaos::process_counts::ProcessCounts;
use crate::chaos::rules::permit;
use crate::processes::Role;

/// How often another fault is thought of where the first may not be done now.
const ATTEMPTS: usize = 64;

/// How wrong a wall clock always is at most, in seconds.
const LARGEST_CLOCK_SKEW: i64 = 300;

/// The pace of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often a fault begins.
    pub every: Duration,
    /// For how long, until there is a quiet point.
    pub round: Duration,
}

/// The faults of the `number`th round, in the order in which they begin; only those of `categories`. The first round of a seed,
/// the second and so on are the same each time.
#[must_use]
pub fn round(
    cast: ProcessCounts,
    pace: Pace,
    categories: &[FaultCategory],
    seed: u64,
    number: u64,
) -> Vec<Fault> {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number));
    let groups = groups(cast, categories);
    let mut planned = Vec::new();
    let mut at = Duration::ZERO;
    while at < pace.round {
        let candidates = (0..ATTEMPTS).filter_map(|_| draw(&groups, categories, at, &mut rng));
        let candidates: Vec<_> = candidates.collect();
        planned.extend(
            candidates
                .into_iter()
                .find(|strike| permit(cast, &planned, strike)),
        );
        at += pace.every;
    }
    planned
}

/// How wrong the wall clock of a process always is, in seconds.
#[must_use]
pub fn clock_skew(seed: u64, victim: Target) -> i64 {
    let Target::Instance(role, number) = victim else {
        return 0;
    };
    let number = Role::ALL.len() * number + role as usize;
    let mut rng = StdRng::seed_from_u64(seed.rotate_left(32).wrapping_add(number as u64));
    rng.random_range(-LARGEST_CLOCK_SKEW..=LARGEST_CLOCK_SKEW)
}

fn draw(
    groups: &[Vec<Target>],
    categories: &[FaultCategory],
    at: Duration,
    rng: &mut StdRng,
) -> Option<Fault> {
    let victim = *groups.choose(rng)?.choose(rng)?;
    let sorts: Vec<_> = sorts(victim, categories).collect();
    let sort = *sorts.choose(rng)?;
    let (shortest, longest) = sort.lasting;
    let lasting = Duration::from_millis(rng.random_range(shortest..=longest));
    let clock_step = match sort.harm {
        FaultKind::ClockForwards | FaultKind::ClockBackwards => {
            Duration::from_secs(rng.random_range(1..=LARGEST_CLOCK_STEP.as_secs()))
        }
        _ => Duration::ZERO,
    };
    Some(Fault {
        at,
        victim,
        harm: sort.harm,
        lasting,
        clock_step,
    })
}

/// Everything to which faults of these categories can happen. Each group is struck as often as any other.
fn groups(cast: ProcessCounts, categories: &[FaultCategory]) -> Vec<Vec<Target>> {
    let mut nats: Vec<_> = (0..cast.nats_servers).map(Target::Nats).collect();
    if cast.nats_servers > 1 {
        nats.push(Target::Cluster);
    }
    let stored: Vec<_> = Stored::VARIANTS.iter().copied().map(Target::Stored).collect();
    let mut groups = vec![
        instances(Role::Ingestor, cast.ingestors),
        instances(Role::Enricher, cast.enrichers),
        instances(Role::Gateway, cast.gateways),
        nats,
        stored,
        vec![Target::HiddenCompanies],
        vec![Target::Emitter],
        vec![Target::Deanonymizer],
    ];
    for group in &mut groups {
        group.retain(|victim| sorts(*victim, categories).next().is_some());
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn sorts(victim: Target, categories: &[FaultCategory]) -> impl Iterator<Item = FaultSpec> {
    let sorts = victim.harms().iter().copied();
    sorts.filter(|sort| categories.contains(&sort.kind))
}

fn instances(role: Role, count: usize) -> Vec<Target> {
    (0..count).map(|number| Target::Instance(role, number)).collect()
}

#[cfg(test)]
mod tests;
