//! What is remembered of closed sessions whose browsers return.

use EventKind::{SessionClosed, SessionOpened};
use Presence::{Left, Visible};

use super::*;

#[test]
fn closing_is_sent_again_after_its_browser_has_returned() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 5_000);
    world.apply(beacon(1, 1, 2, Left), START + 5_000).unwrap();
    world.run(START + 20_000);
    world.apply(beacon(1, 2, 1, Visible), START + 20_000).unwrap();
    world.run(START + 23_000);
    assert_eq!(world.kinds(), [SessionOpened, SessionClosed, SessionOpened]);
    let closings: Vec<_> = world
        .visits
        .closed(START + 23_000)
        .map(|event| closing(&event))
        .collect();
    assert_eq!(closings, [closing(&world.events[1])]);
    assert_eq!(world.visits.closed(START + 615_000).count(), 0, "it is forgotten");
}

/// What a repeated closing must have in common with the first one; the page may be that of the next visit.
fn closing(event: &Event) -> (EventKind, Uuid, Millis) {
    (event.kind, event.guid, event.at)
}

#[test]
fn guid_stays_closed_after_a_return_that_is_too_short_to_be_reported() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 5_000);
    world.apply(beacon(1, 1, 2, Left), START + 5_000).unwrap();
    world.run(START + 20_000);
    for (number, returns_at) in (1..).step_by(2).zip([START + 20_000, START + 60_000]) {
        world.apply(beacon(1, 2, number, Visible), returns_at).unwrap();
        let leave = beacon(1, 2, number + 1, Left);
        world.apply(leave, returns_at + 500).unwrap();
        world.run(returns_at + 30_000);
        world.agrees();
    }
    assert_eq!(world.kinds(), [SessionOpened, SessionClosed]);
    let closings: Vec<_> = world
        .visits
        .closed(START + 90_000)
        .map(|event| closing(&event))
        .collect();
    assert_eq!(closings, [closing(&world.events[1])]);

    world.apply(beacon(1, 3, 1, Visible), START + 100_000).unwrap();
    world.run(START + 103_000);
    assert_eq!(world.kinds(), [SessionOpened, SessionClosed, SessionOpened]);
    assert_ne!(world.events[0].guid, world.events[2].guid);
    world.agrees();
}

#[test]
fn nothing_is_kept_of_a_short_return_once_the_closing_before_is_forgotten() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 5_000);
    world.apply(beacon(1, 1, 2, Left), START + 5_000).unwrap();
    world.run(START + 600_000);
    world.apply(beacon(1, 2, 1, Visible), START + 614_000).unwrap();
    world.apply(beacon(1, 2, 2, Left), START + 614_500).unwrap();
    world.run(START + 624_499);
    assert_eq!(world.visits.sessions.len(), 1);
    world.run(START + 624_500);
    assert!(world.visits.sessions.is_empty() && world.visits.closed.is_empty());
    assert!(world.visits.by_address.is_empty());
}
