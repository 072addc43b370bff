use super::*;
use crate::chaos::rules::loses_something;
use proptest::prelude::*;

const PACE: Pace = Pace {
    every: Duration::from_secs(5),
    round: Duration::from_mins(1),
};

fn counts(nats_servers: usize) -> ProcessCounts {
    ProcessCounts {
        ingestors: 2,
        enrichers: 3,
        gateways: 2,
        nats_servers,
    }
}

fn plan(cluster: bool, seed: u64, number: u64) -> (ProcessCounts, Vec<Fault>) {
    let counts = counts(if cluster { 3 } else { 1 });
    (counts, round(counts, PACE, FaultCategory::VARIANTS, seed, number))
}

/// Whether the fault is active at that time, or its target may not have recovered yet.
fn is_away(fault: &Fault, at: Duration) -> bool {
    let clock = matches!(fault.kind, FaultKind::ClockForwards | FaultKind::ClockBackwards);
    !clock && fault.at <= at && at < fault.over() + Duration::from_secs(10)
}

fn away(plan: &[Fault], at: Duration, is_meant: impl Fn(Target) -> bool) -> usize {
    plan.iter()
        .filter(|fault| is_meant(fault.target) && is_away(fault, at))
        .count()
}

/// Every tenth of a second of a round and of the recoveries after it.
fn moments() -> impl Iterator<Item = Duration> {
    (0..1_100).map(|tenths| Duration::from_millis(tenths * 100))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_seed_always_gives_the_same_plan(seed: u64, number in 0_u64..100) {
        prop_assert_eq!(plan(false, seed, number), plan(false, seed, number));
    }

    #[test]
    fn a_fault_begins_every_time(seed: u64, number in 0_u64..100, cluster: bool) {
        let (_, plan) = plan(cluster, seed, number);
        let begins: Vec<_> = plan.iter().map(|fault| fault.at.as_secs()).collect();
        prop_assert_eq!(begins, (0..12).map(|nth| nth * 5).collect::<Vec<_>>());
    }

    #[test]
    fn an_ingestor_always_reads_the_emitter(seed: u64, number in 0_u64..100, cluster: bool) {
        let (_, plan) = plan(cluster, seed, number);
        let reads = |target| matches!(target, Target::Emitter | Target::Instance(Role::Ingestor, _));
        for at in moments() {
            prop_assert!(away(&plan, at, reads) <= 1, "{:?} {:?}", at, plan);
        }
    }

    #[test]
    fn no_process_is_killed_before_it_has_recovered(seed: u64, number in 0_u64..100, cluster: bool) {
        let (_, plan) = plan(cluster, seed, number);
        for fault in plan.iter().filter(|fault| is_away(fault, fault.at)) {
            prop_assert_eq!(away(&plan, fault.at, |target| target == fault.target), 1);
        }
    }

    #[test]
    fn a_clock_steps_only_when_it_has_stepped_back(seed: u64, number in 0_u64..100) {
        let (_, plan) = plan(false, seed, number);
        let steps: Vec<_> = plan.iter().filter(|fault| !fault.clock_step.is_zero()).collect();
        for (index, step) in steps.iter().enumerate() {
            prop_assert!(step.clock_step <= Duration::from_hours(1));
            let next = steps[index + 1..].iter().find(|next| next.target == step.target);
            prop_assert!(next.is_none_or(|next| next.at >= step.over()), "{:?}", plan);
        }
    }

    #[test]
    fn nats_is_struck_once_at_a_time(seed: u64, number in 0_u64..100, cluster: bool) {
        let (_, plan) = plan(cluster, seed, number);
        let nats = |target| matches!(target, Target::Nats(_) | Target::Cluster | Target::Stored(_));
        for at in moments() {
            prop_assert!(away(&plan, at, nats) <= 1, "{:?} {:?}", at, plan);
        }
    }

    #[test]
    fn when_something_is_lost_a_gateway_and_an_ingestor_remember(
        seed: u64, number in 0_u64..100, cluster: bool,
    ) {
        let (counts, plan) = plan(cluster, seed, number);
        for loss in plan.iter().filter(|fault| loses_something(counts, fault)) {
            for role in [Role::Gateway, Role::Ingestor] {
                let unaffected = (0..2).any(|number| {
                    let is_it = |target| target == Target::Instance(role, number);
                    let meanwhile = moments().filter(|at| is_away(loss, *at));
                    meanwhile.map(|at| away(&plan, at, is_it)).sum::<usize>() == 0
                });
                prop_assert!(unaffected, "no {} at {:?}: {:?}", role.name(), loss.at, plan);
            }
            let asked = loss.at.saturating_sub(Duration::from_secs(1));
            prop_assert_eq!(away(&plan, asked, |target| target == Target::Deanonymizer), 0);
        }
    }

    #[test]
    fn all_enrichers_are_there_when_the_hidden_companies_change(
        seed: u64, number in 0_u64..100, cluster: bool,
    ) {
        let (_, plan) = plan(cluster, seed, number);
        let changes: Vec<_> = plan
            .iter()
            .filter(|fault| fault.target == Target::HiddenCompanies)
            .collect();
        prop_assert!(changes.len() <= 1, "{:?}", plan);
        for change in changes {
            let enricher = |target| matches!(target, Target::Instance(Role::Enricher, _));
            for at in moments().filter(|at| is_away(change, *at)) {
                prop_assert_eq!(away(&plan, at, enricher), 0, "{:?} {:?}", at, plan);
            }
        }
    }

    #[test]
    fn what_is_left_out_does_not_happen(seed: u64, number in 0_u64..100) {
        let plan = round(counts(3), PACE, &[FaultCategory::Clocks, FaultCategory::Streams], seed, number);
        prop_assert!(!plan.is_empty());
        for fault in plan {
            let kind = fault.target.category_of(fault.kind);
            prop_assert!(matches!(kind, Some(FaultCategory::Clocks | FaultCategory::Streams)), "{:?}", fault);
        }
    }
}

#[test]
fn in_three_runs_everything_happens_to_everybody() {
    for cluster in [false, true] {
        let plans: Vec<_> = (1..=3)
            .flat_map(|seed| (0..10).flat_map(move |number| plan(cluster, seed, number).1))
            .collect();
        for target in groups(counts(if cluster { 3 } else { 1 }), FaultCategory::VARIANTS).concat() {
            for spec in target.faults() {
                let of_kind = plans
                    .iter()
                    .filter(|fault| fault.target.label() == target.label() && fault.kind == spec.kind);
                assert!(of_kind.count() > 0, "{target} {}", spec.kind);
            }
            assert!(plans.iter().any(|fault| fault.target == target), "{target}");
        }
    }
}

#[test]
fn no_two_clocks_agree() {
    let skews: std::collections::BTreeSet<_> = groups(counts(1), &[FaultCategory::Clocks])
        .concat()
        .into_iter()
        .map(|target| clock_skew(1, target))
        .collect();
    assert_eq!(skews.len(), 7);
}
