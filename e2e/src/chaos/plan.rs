//! Plans the faults of a round from a seed, within the [rules](crate::chaos::rules). Pure.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use strum::VariantArray as _;

use crate::chaos::fault::{Fault, FaultCategory, FaultKind, FaultSpec, LARGEST_CLOCK_STEP, Stored, Target};
use crate::chaos::process_counts::ProcessCounts;
use crate::chaos::rules::permit;
use crate::processes::Role;

/// How many faults are tried until one is permitted.
const ATTEMPTS: usize = 64;

/// Maximum constant error of a wall clock, in seconds.
const LARGEST_CLOCK_SKEW: i64 = 300;

/// The pace of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often a fault begins.
    pub every: Duration,
    /// How long a round lasts.
    pub round: Duration,
}

/// The faults of the `number`th round, in the order in which they begin; only those of `categories`. The first round of a seed,
/// the second and so on are the same each time.
#[must_use]
pub fn round(
    counts: ProcessCounts,
    pace: Pace,
    categories: &[FaultCategory],
    seed: u64,
    number: u64,
) -> Vec<Fault> {
    let mut rng = StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number));
    let groups = groups(counts, categories);
    let mut planned = Vec::new();
    let mut at = Duration::ZERO;
    while at < pace.round {
        let candidates = (0..ATTEMPTS).filter_map(|_| draw(&groups, categories, at, &mut rng));
        let candidates: Vec<_> = candidates.collect();
        planned.extend(
            candidates
                .into_iter()
                .find(|fault| permit(counts, &planned, fault)),
        );
        at += pace.every;
    }
    planned
}

/// The constant error of a process's wall clock, in seconds.
#[must_use]
pub fn clock_skew(seed: u64, target: Target) -> i64 {
    let Target::Instance(role, number) = target else {
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
    let target = *groups.choose(rng)?.choose(rng)?;
    let specs: Vec<_> = specs(target, categories).collect();
    let spec = *specs.choose(rng)?;
    let (shortest, longest) = spec.lasting;
    let lasting = Duration::from_millis(rng.random_range(shortest..=longest));
    let clock_step = match spec.kind {
        FaultKind::ClockForwards | FaultKind::ClockBackwards => {
            Duration::from_secs(rng.random_range(1..=LARGEST_CLOCK_STEP.as_secs()))
        }
        _ => Duration::ZERO,
    };
    Some(Fault {
        at,
        target,
        kind: spec.kind,
        lasting,
        clock_step,
    })
}

/// All targets of faults of these categories. Each group is chosen with the same probability.
fn groups(counts: ProcessCounts, categories: &[FaultCategory]) -> Vec<Vec<Target>> {
    let mut nats: Vec<_> = (0..counts.nats_servers).map(Target::Nats).collect();
    if counts.nats_servers > 1 {
        nats.push(Target::Cluster);
    }
    let stored: Vec<_> = Stored::VARIANTS.iter().copied().map(Target::Stored).collect();
    let mut groups = vec![
        instances(Role::Ingestor, counts.ingestors),
        instances(Role::Enricher, counts.enrichers),
        instances(Role::Gateway, counts.gateways),
        nats,
        stored,
        vec![Target::HiddenCompanies],
        vec![Target::Emitter],
        vec![Target::Deanonymizer],
    ];
    for group in &mut groups {
        group.retain(|target| specs(*target, categories).next().is_some());
    }
    groups.retain(|group| !group.is_empty());
    groups
}

fn specs(target: Target, categories: &[FaultCategory]) -> impl Iterator<Item = FaultSpec> {
    let specs = target.faults().iter().copied();
    specs.filter(|spec| categories.contains(&spec.category))
}

fn instances(role: Role, count: usize) -> Vec<Target> {
    (0..count).map(|number| Target::Instance(role, number)).collect()
}

#[cfg(test)]
mod tests;
