use super::*;
use crate::chaos::strike::Harm;
use proptest::prelude::*;

const PACE: Pace = Pace {
    every: Duration::from_secs(5),
    round: Duration::from_mins(1),
};

fn cast(nats_servers: usize) -> Cast {
    Cast {
        ingestors: 2,
        enrichers: 3,
        gateways: 2,
        nats_servers,
    }
}

/// Whether the strike is felt at that moment, or what it hit is not surely back.
fn is_away(strike: &Strike, at: Duration) -> bool {
    strike.at <= at && at < strike.over() + Duration::from_secs(10)
}

fn away(plan: &[Strike], at: Duration, is_meant: impl Fn(Victim) -> bool) -> usize {
    plan.iter()
        .filter(|strike| is_meant(strike.victim) && is_away(strike, at))
        .count()
}

/// Every tenth of a second of a round, and of what is felt of it afterwards.
fn moments() -> impl Iterator<Item = Duration> {
    (0..900).map(|tenths| Duration::from_millis(tenths * 100))
}

fn loses_the_streams(strike: &Strike) -> bool {
    matches!(strike.victim, Victim::Nats(_)) && strike.harm != Harm::Freeze
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_seed_always_gives_the_same_plan(seed: u64, number in 0_u64..100) {
        prop_assert_eq!(round(cast(1), PACE, seed, number), round(cast(1), PACE, seed, number));
    }

    #[test]
    fn a_fault_begins_every_time(seed: u64, number in 0_u64..100, cluster: bool) {
        let plan = round(cast(if cluster { 3 } else { 1 }), PACE, seed, number);
        let begins: Vec<_> = plan.iter().map(|strike| strike.at.as_secs()).collect();
        prop_assert_eq!(begins, (0..12).map(|nth| nth * 5).collect::<Vec<_>>());
    }

    #[test]
    fn an_ingestor_always_reads_the_emitter(seed: u64, number in 0_u64..100) {
        let plan = round(cast(1), PACE, seed, number);
        let reads = |victim| matches!(victim, Victim::Emitter | Victim::Member(Role::Ingestor, _));
        for at in moments() {
            prop_assert!(away(&plan, at, reads) <= 1, "{:?} {:?}", at, plan);
        }
    }

    #[test]
    fn nobody_is_struck_before_it_is_back(seed: u64, number in 0_u64..100, cluster: bool) {
        let plan = round(cast(if cluster { 3 } else { 1 }), PACE, seed, number);
        for strike in &plan {
            prop_assert_eq!(away(&plan, strike.at, |victim| victim == strike.victim), 1);
        }
    }

    #[test]
    fn of_a_cluster_two_servers_are_always_there(seed: u64, number in 0_u64..100) {
        let plan = round(cast(3), PACE, seed, number);
        for at in moments() {
            prop_assert!(away(&plan, at, |victim| matches!(victim, Victim::Nats(_))) <= 1);
        }
    }

    #[test]
    fn when_the_streams_are_lost_a_gateway_and_an_ingestor_remember(seed: u64, number in 0_u64..100) {
        let plan = round(cast(1), PACE, seed, number);
        for nats in plan.iter().filter(|strike| loses_the_streams(strike)) {
            for role in [Role::Gateway, Role::Ingestor] {
                let unharmed = (0..2).any(|number| {
                    let is_it = |victim| victim == Victim::Member(role, number);
                    let meanwhile = moments().filter(|at| is_away(nats, *at));
                    meanwhile.map(|at| away(&plan, at, is_it)).sum::<usize>() == 0
                });
                prop_assert!(unharmed, "no {} at {:?}: {:?}", role.name(), nats.at, plan);
            }
            let asked = nats.at.saturating_sub(Duration::from_secs(1));
            prop_assert_eq!(away(&plan, asked, |victim| victim == Victim::Deanonymizer), 0);
        }
    }
}

#[test]
fn in_ten_minutes_everything_happens_to_everybody() {
    for nats_servers in [1, 3] {
        let plan: Vec<_> = (0..10)
            .flat_map(|number| round(cast(nats_servers), PACE, 1, number))
            .collect();
        for victim in kinds(cast(nats_servers)).concat() {
            for (harm, _) in victim.harms() {
                let of_kind = plan
                    .iter()
                    .filter(|strike| strike.victim.kind() == victim.kind() && strike.harm == *harm);
                assert!(of_kind.count() > 0, "{victim} {harm}");
            }
            assert!(plan.iter().any(|strike| strike.victim == victim), "{victim}");
        }
    }
}
