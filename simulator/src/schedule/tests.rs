use std::collections::HashMap;

use super::*;

/// Everything that happens in the first minutes.
fn acts(course: u64, sessions: u32, faults: Faults, minutes: u64) -> Vec<Act> {
    let lively = Lively::new(f64::from(sessions) / 150.0, sessions, faults).unwrap();
    Schedule::new(World::new(0), course, &lively).advance(minutes * 60_000)
}

fn events(acts: &[Act]) -> impl Iterator<Item = &Step> {
    acts.iter().filter_map(|act| {
        if let Act::Send(step) = act {
            Some(step)
        } else {
            None
        }
    })
}

#[test]
fn a_course_plays_the_same_again() {
    assert_eq!(acts(1, 30, Faults::all(), 5), acts(1, 30, Faults::all(), 5));
    assert_ne!(acts(1, 30, Faults::all(), 5), acts(2, 30, Faults::all(), 5));
}

#[test]
fn small_steps_of_time_give_the_same_as_one_leap() {
    let lively = Lively::new(1.0, 20, Faults::all()).unwrap();
    let mut schedule = Schedule::new(World::new(0), 3, &lively);
    let mut stepwise = Vec::new();
    for now_ms in (0..=120_000).step_by(250) {
        stepwise.extend(schedule.advance(now_ms));
    }
    assert_eq!(
        stepwise,
        Schedule::new(World::new(0), 3, &lively).advance(120_000)
    );
}

#[test]
fn about_as_many_sessions_as_asked_for_are_live() {
    for minutes in [1, 10, 60] {
        let mut live = HashMap::new();
        for step in events(&acts(1, 150, Faults::none(), minutes)) {
            live.insert(step.guid.clone(), step.kind != EventKind::SessionClosed);
        }
        let live = live.values().filter(|live| **live).count();
        assert!((100..200).contains(&live), "{live} after {minutes} minutes");
    }
}

#[test]
fn every_fault_strikes_when_it_is_enabled_and_only_then() {
    let all = acts(1, 30, Faults::all(), 240);
    let seen = |all: &[Act], property: fn(&Act) -> bool| all.iter().any(property);
    let strikes: [fn(&Act) -> bool; 8] = [
        |act| matches!(act, Act::CloseAll { cleanly: true }),
        |act| matches!(act, Act::CloseAll { cleanly: false }),
        |act| matches!(act, Act::Refuse(true)),
        |act| matches!(act, Act::Refuse(false)),
        |act| matches!(act, Act::Silence(true)),
        |act| matches!(act, Act::Silence(false)),
        |act| matches!(act, Act::ProtocolError(_)),
        |act| matches!(act, Act::Malformed(..)),
    ];
    let none = acts(1, 30, Faults::none(), 240);
    for (number, strike) in strikes.into_iter().enumerate() {
        assert!(seen(&all, strike), "number {number} never strikes");
        assert!(
            !seen(&none, strike),
            "number {number} strikes without being enabled"
        );
    }
    for fault in Faults::all()
        .iter()
        .filter(|fault| matches!(fault.occurrence(), Occurrence::Events(_)))
    {
        assert!(
            all.iter()
                .any(|act| matches!(act, Act::Malformed(other, _) if *other == fault)),
            "{fault}"
        );
    }
}
