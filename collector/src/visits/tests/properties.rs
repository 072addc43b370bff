//! The same result in any order, under any loss and repetition.

use Presence::{Hidden, Left, Visible};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What some browsers do: beacons of a few sessions and tabs, each tab's numbered in the order of sending.
///
/// A tab is a document, so there are many in a session that goes from page to page.
fn script() -> impl Strategy<Value = Vec<Beacon>> {
    let tabs = prop_oneof![Just(3_u32), Just(24)];
    let steps = tabs.prop_flat_map(|tabs| {
        let step = (0..3_u128, 0..tabs, select(vec![Visible, Hidden, Left]));
        vec(step, 1..80)
    });
    steps.prop_map(|steps| {
        let numbered = steps.into_iter().zip(1_u32..);
        numbered
            .map(|((session, tab, presence), number)| beacon(session, tab, number, presence))
            .collect()
    })
}

/// The sessions that had a visible tab and have one that is open by its last beacon.
fn expected_open(beacons: &[Beacon]) -> BTreeSet<u128> {
    let mut last: BTreeMap<(u128, u32), &Beacon> = BTreeMap::new();
    for beacon in beacons {
        let known = last.entry((beacon.session, beacon.tab)).or_insert(beacon);
        if known.number < beacon.number {
            *known = beacon;
        }
    }
    last.into_iter()
        .filter(|(_, beacon)| beacon.presence == Visible)
        .map(|((session, _), _)| session)
        .collect()
}

proptest! {
    #[test]
    fn order_and_repetition_make_no_difference(
        (beacons, delivered) in script().prop_flat_map(|beacons| {
            let twice = [beacons.clone(), beacons.clone()].concat();
            (Just(beacons), Just(twice).prop_shuffle())
        }),
    ) {
        let mut world = World::new(SETTINGS);
        for beacon in delivered {
            let _ = world.apply(beacon, START);
        }
        world.run(START + 15_000);
        world.agrees();
        let open: BTreeSet<_> = world
            .visits
            .sessions
            .iter()
            .filter(|(_, session)| matches!(session.phase, Phase::Open { .. }))
            .map(|(id, _)| *id)
            .collect();
        prop_assert_eq!(open, expected_open(&beacons));
    }

    #[test]
    fn any_beacons_at_any_time_keep_events_and_state_in_agreement(
        steps in vec((0..4_u128, 0..12_u32, 0..30_u32, select(vec![Visible, Hidden, Left]), any::<bool>(), 0..40_000_i64), 1..80),
    ) {
        let mut world = World::new(Settings { max_sessions: 3, ..SETTINGS });
        let mut now = START;
        for (session, tab, number, presence, settled, pause) in steps {
            now += pause;
            world.run(now);
            let _ = world.apply(Beacon { settled, ..beacon(session, tab, number, presence) }, now);
            world.agrees();
        }
        // Regardless of lost beacons, a session without beacons closes.
        world.run(now + 1_000_000);
        prop_assert_eq!(world.open().len(), 0);
        prop_assert!(world.visits.sessions.is_empty());
        prop_assert!(world.visits.deadlines.is_empty());
        prop_assert!(world.visits.by_address.is_empty());
        prop_assert!(world.visits.closed.is_empty() && world.visits.waiting.is_empty());
    }

    #[test]
    fn closed_guid_never_opens_again(
        steps in vec((0..2_u128, 0..3_u32, select(vec![Visible, Hidden, Left]), select(vec![0_i64, 500, 3_000, 15_000])), 1..80),
    ) {
        let mut world = World::new(Settings { remember_closings: 1_000_000_000, ..SETTINGS });
        let mut now = START;
        for ((session, tab, presence, pause), number) in steps.into_iter().zip(1..) {
            now += pause;
            world.run(now);
            let _ = world.apply(beacon(session, tab, number, presence), now);
            world.agrees();
        }
        world.run(now + 1_000_000);
        let mut closed = BTreeSet::new();
        for event in &world.events {
            if event.kind == EventKind::SessionClosed {
                closed.insert(event.guid);
            } else {
                prop_assert!(!closed.contains(&event.guid), "a closed guid is used again");
            }
        }
    }
}
