use std::collections::HashSet;

use proptest::prelude::*;
use rand::SeedableRng;

use super::*;
use crate::world::Kind;

const RHYTHM: Rhythm = Rhythm {
    session_ms: 150_000,
    keep_alive_ms: 5_000,
};

fn plans(faults: &Faults, seed: u64) -> Vec<Vec<Step>> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    (0..2_000)
        .map(|_| plan(World::new(seed), faults, RHYTHM, rng))
        .collect()
}

/// How many of the sessions have the property.
fn share(plans: &[Vec<Step>], property: impl Fn(&[Step]) -> bool) -> f64 {
    plans.iter().filter(|steps| property(steps)).count() as f64 / plans.len() as f64
}

fn count(steps: &[Step], kind: EventKind) -> usize {
    steps.iter().filter(|step| step.kind == kind).count()
}

fn only(fault: Fault) -> Faults {
    [fault].into_iter().collect()
}

proptest! {
    #[test]
    fn steps_are_in_order_and_of_one_session(seed: u64) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let steps = plan(World::new(seed), &Faults::all(), RHYTHM, rng);
        prop_assert!(steps.is_sorted_by_key(|step| step.after_ms));
        let guids: HashSet<_> = steps.iter().map(|step| step.guid.to_lowercase()).collect();
        prop_assert_eq!(guids.len(), 1);
    }

    #[test]
    fn a_seed_plays_the_same_again(seed: u64) {
        let once = || plan(World::new(seed), &Faults::all(), RHYTHM, &mut ChaCha8Rng::seed_from_u64(seed));
        prop_assert_eq!(once(), once());
    }

    #[test]
    fn without_faults_a_session_opens_lives_and_closes(seed: u64) {
        let steps = plan(World::new(seed), &Faults::none(), RHYTHM, &mut ChaCha8Rng::seed_from_u64(seed));
        prop_assert_eq!(steps.first().map(|step| step.kind), Some(EventKind::SessionOpened));
        prop_assert_eq!(steps.last().map(|step| step.kind), Some(EventKind::SessionClosed));
        prop_assert_eq!(count(&steps, EventKind::KeepAlive), steps.len() - 2);
        prop_assert!(steps.iter().all(|step| step.stamp == Stamp::Offset(0)));
        let kind = World::new(seed).kind_of(&steps[0].ip);
        prop_assert!(!kind.is_data_centre() && kind != Kind::Unknown && kind != Kind::PersonalEmails, "{:?}", kind);
    }
}

#[test]
fn most_sessions_are_normal_by_default() {
    let normal = share(&plans(&Faults::default(), 1), |steps| {
        steps
            .first()
            .is_some_and(|step| step.kind == EventKind::SessionOpened)
            && steps
                .last()
                .is_some_and(|step| step.kind == EventKind::SessionClosed)
            && count(steps, EventKind::SessionOpened) == 1
            && count(steps, EventKind::SessionClosed) == 1
    });
    assert!((0.6..0.95).contains(&normal), "{normal}");
}

#[test]
fn faults_of_a_session_show_in_its_events_at_their_share() {
    type Property = fn(&[Step]) -> bool;
    let cases: [(Fault, Property); 5] = [
        (Fault::KeepAliveBeforeOpening, |steps| {
            steps[0].kind == EventKind::KeepAlive
        }),
        (Fault::DoubleOpening, |steps| {
            count(steps, EventKind::SessionOpened) == 2
        }),
        (Fault::DoubleClosing, |steps| {
            count(steps, EventKind::SessionClosed) == 2
        }),
        (Fault::NoClosing, |steps| {
            count(steps, EventKind::SessionClosed) == 0
        }),
        (Fault::KeepAliveAfterClosing, |steps| {
            let closed = steps
                .iter()
                .position(|step| step.kind == EventKind::SessionClosed);
            closed.is_some_and(|at| steps[at..].iter().any(|step| step.kind == EventKind::KeepAlive))
        }),
    ];
    for (fault, property) in cases {
        assert_about(fault, share(&plans(&only(fault), 1), property));
        let without: Faults = Faults::all().iter().filter(|other| *other != fault).collect();
        let normally = share(&plans(&without, 1), property);
        assert!(
            normally.abs() < f64::EPSILON,
            "{fault} happens without being enabled: {normally}"
        );
    }
}

#[test]
fn faults_of_a_visitor_show_in_the_address() {
    let world = World::new(1);
    let invalid = |steps: &[Step]| steps[0].ip.parse::<std::net::IpAddr>().is_err();
    assert_about(
        Fault::InvalidIp,
        share(&plans(&only(Fault::InvalidIp), 1), invalid),
    );
    let unknown = |steps: &[Step]| world.kind_of(&steps[0].ip) == Kind::Unknown;
    assert_about(
        Fault::UnknownIps,
        share(&plans(&only(Fault::UnknownIps), 1), unknown),
    );
    let data_centre = |steps: &[Step]| world.kind_of(&steps[0].ip).is_data_centre();
    assert_about(
        Fault::DataCentres,
        share(&plans(&only(Fault::DataCentres), 1), data_centre),
    );
    let personal = |steps: &[Step]| {
        matches!(
            world.kind_of(&steps[0].ip),
            Kind::PersonalEmails | Kind::MixedEmails
        )
    };
    assert_about(
        Fault::PersonalEmails,
        share(&plans(&only(Fault::PersonalEmails), 1), personal),
    );
    let spelled = |steps: &[Step]| steps.iter().map(|step| &step.ip).collect::<HashSet<_>>().len() > 1;
    assert_about(
        Fault::Ipv6Spellings,
        share(&plans(&only(Fault::Ipv6Spellings), 1), spelled),
    );
    let shouted = |steps: &[Step]| steps.iter().map(|step| &step.guid).collect::<HashSet<_>>().len() > 1;
    assert_about(
        Fault::UpperCaseGuid,
        share(&plans(&only(Fault::UpperCaseGuid), 1), shouted),
    );
}

#[test]
fn hot_addresses_come_again_and_again() {
    let world = World::new(1);
    let hot: HashSet<_> = (0..20)
        .map(|n| world.hot_ip(&[Kind::Full, Kind::CompanyOnly], n))
        .collect();
    let is_hot = |steps: &[Step]| hot.contains(&*steps[0].ip);
    assert_about(Fault::HotIps, share(&plans(&only(Fault::HotIps), 1), is_hot));
}

#[test]
fn faults_of_a_timestamp_show_in_the_event() {
    let stamped = |fault, property: fn(i64, Option<i64>) -> bool| {
        let steps: Vec<_> = plans(&only(fault), 1).into_iter().flatten().collect();
        let now = 1_740_974_641_984;
        let hits = steps
            .iter()
            .filter(|step| property(now, step.event(now).timestamp_ms()))
            .count();
        assert_about(fault, hits as f64 / steps.len() as f64);
    };
    stamped(Fault::GarbageTimestamp, |_, at| at.is_none());
    stamped(Fault::OldTimestamp, |now, at| {
        at.is_some_and(|at| at <= now - HOUR_MS)
    });
    stamped(Fault::FutureTimestamp, |now, at| {
        at.is_some_and(|at| at > now + HOUR_MS / 10)
    });
}

/// The share is that of the fault, within the random error of a few thousand draws.
fn assert_about(fault: Fault, share: f64) {
    let expected = fault.share();
    assert!(
        (expected * 0.6..expected * 1.5).contains(&share),
        "{fault}: {share} instead of {expected}"
    );
}
