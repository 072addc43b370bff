//! Each rule once.

use EventKind::{KeepAlive, SessionClosed, SessionOpened};
use Presence::{Hidden, Left, Visible};

use super::*;

#[test]
fn opens_after_settling_with_the_time_of_the_first_beacon() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 1_999);
    assert_eq!(world.events, []);
    world.run(START + 2_000);
    assert_eq!(world.kinds(), [SessionOpened]);
    assert_eq!(world.events[0].at, START);
    assert_eq!(
        world.events[0].page.as_ref().unwrap().url,
        "https://shop.example/1"
    );
}

#[test]
fn bounce_is_not_reported() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.apply(beacon(1, 1, 2, Left), START + 1_500).unwrap();
    world.run(START + 1_000_000);
    assert_eq!(world.events, []);
    assert!(world.visits.sessions.is_empty(), "nothing is kept of it");
    assert!(world.visits.by_address.is_empty());
}

#[test]
fn time_on_several_pages_adds_up_to_settling() {
    let mut world = World::new(SETTINGS);
    for page in 0_u32..3 {
        let at = START + Millis::from(page) * 1_000;
        world.apply(beacon(1, page, 1, Visible), at).unwrap();
        world.run(at + 900);
        world.apply(beacon(1, page, 2, Left), at + 900).unwrap();
    }
    assert_eq!(world.kinds(), [SessionOpened]);
}

#[test]
fn hidden_time_does_not_settle() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.apply(beacon(1, 1, 2, Hidden), START + 500).unwrap();
    world.run(START + 100_000);
    assert_eq!(world.events, []);
    world.apply(beacon(1, 1, 3, Visible), START + 100_000).unwrap();
    world.run(START + 101_500);
    assert_eq!(world.kinds(), [SessionOpened]);
}

#[test]
fn closes_after_the_grace_with_the_time_of_leaving() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 5_000);
    world.apply(beacon(1, 1, 2, Left), START + 5_000).unwrap();
    world.run(START + 14_999);
    assert_eq!(world.kinds(), [SessionOpened]);
    world.run(START + 15_000);
    assert_eq!(world.kinds(), [SessionOpened, SessionClosed]);
    assert_eq!(world.events[1].at, START + 5_000);
    world.agrees();
}

#[test]
fn reload_and_navigation_keep_the_session() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 5_000);
    // Leaving a page and arriving at the next may be delivered in the opposite order.
    world.apply(beacon(1, 2, 1, Visible), START + 5_100).unwrap();
    world.apply(beacon(1, 1, 2, Left), START + 5_200).unwrap();
    world.run(START + 30_000);
    assert_eq!(world.kinds(), [SessionOpened, KeepAlive]);
}

#[test]
fn leave_that_overtakes_its_page_counts_however_many_pages_were_seen() {
    let mut world = World::new(SETTINGS);
    // What Chromium sends while it is busy: the beacons of one page arrive in reverse, and overtake each other.
    for page in 0_u32..200 {
        let at = START + Millis::from(page) * 300;
        world.apply(beacon(1, page, 2, Visible), at).unwrap();
        if page >= 60 {
            let late = world.apply(beacon(1, page - 60, 1, Visible), at);
            assert_eq!(late, Err(DropReason::Outdated), "page {page}");
        }
        world.apply(beacon(1, page, 3, Left), at).unwrap();
    }
    let at = START + 70_000;
    world.apply(beacon(1, 1_000, 2, Left), at).unwrap();
    // From the back/forward cache, and left at once.
    world.apply(beacon(1, 1_000, 3, Left), at).unwrap();
    let late = world.apply(beacon(1, 1_000, 1, Visible), at + 1_500);
    assert_eq!(late, Err(DropReason::Outdated));
    world.run(at + 10_000);
    assert_eq!(world.open().len(), 0);
}

#[test]
fn session_closes_with_its_last_tab() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.apply(beacon(1, 2, 1, Visible), START + 100).unwrap();
    world.run(START + 5_000);
    world.apply(beacon(1, 1, 2, Left), START + 5_000).unwrap();
    world.run(START + 20_000);
    assert_eq!(world.kinds(), [SessionOpened]);
    world.apply(beacon(1, 2, 2, Left), START + 20_000).unwrap();
    world.run(START + 30_000);
    assert_eq!(world.kinds(), [SessionOpened, SessionClosed]);
}

#[test]
fn hidden_tab_stays_and_its_activity_is_that_of_the_last_look() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 3_000);
    world.apply(beacon(1, 1, 2, Hidden), START + 3_000).unwrap();
    for (number, minute) in (3..).zip(1..10) {
        world.run(START + minute * 60_000);
        world
            .apply(beacon(1, 1, number, Hidden), START + minute * 60_000)
            .unwrap();
    }
    assert_eq!(world.open().len(), 1);
    let alive = world.events.iter().filter(|event| event.kind == KeepAlive);
    assert!(alive.clone().count() >= 17, "no gap is longer than --stale-after");
    assert!(alive.clone().all(|event| event.at == START));
}

#[test]
fn silent_tab_counts_as_closed() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 59_999);
    assert_eq!(world.open().len(), 1);
    world.run(START + 60_000);
    assert_eq!(world.open().len(), 0);
    assert_eq!(world.events.last().unwrap().at, START);
}

#[test]
fn closed_session_never_reappears_and_its_browser_gets_another() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 5_000);
    world.apply(beacon(1, 1, 3, Left), START + 5_000).unwrap();
    world.run(START + 20_000);
    let late = world.apply(beacon(1, 1, 2, Visible), START + 20_000);
    assert_eq!(late, Err(DropReason::Outdated));
    world.apply(beacon(1, 1, 4, Visible), START + 21_000).unwrap();
    world.run(START + 24_000);
    assert_eq!(world.kinds(), [SessionOpened, SessionClosed, SessionOpened]);
    assert_ne!(world.events[0].guid, world.events[2].guid);
    world.agrees();
}

#[test]
fn guid_is_the_same_after_a_restart_and_needs_no_settling() {
    let mut before = World::new(SETTINGS);
    before.apply(beacon(1, 1, 1, Visible), START).unwrap();
    before.run(START + 2_000);
    let mut after = World::new(SETTINGS);
    let hidden = Beacon {
        settled: true,
        ..beacon(1, 1, 9, Hidden)
    };
    after.apply(hidden, START + 60_000).unwrap();
    assert_eq!(after.open(), before.open());
}

#[test]
fn sessions_that_a_restarted_collector_continues_do_not_count_as_new() {
    let settings = Settings {
        new_sessions_per_minute: NonZeroU32::new(60).unwrap(),
        ..SETTINGS
    };
    let settled = |session| Beacon {
        settled: true,
        ..beacon(session, 1, 9, Visible)
    };
    let mut world = World::started(settings, START);
    for session in 0..120 {
        world.apply(settled(session), START + 1_000).unwrap();
    }
    assert_eq!(world.visits.counts().open, 120);
    // Every earlier page has sent a beacon by now, so these sessions are new.
    for session in 120..240 {
        world.apply(settled(session), START + 60_000).unwrap();
    }
    assert_eq!(world.visits.counts().open, 180);
}

#[test]
fn first_beacon_of_an_invisible_page_is_no_visit() {
    let mut world = World::new(SETTINGS);
    for (session, presence) in (0..).zip([Hidden, Left]) {
        world.apply(beacon(session, 1, 1, presence), START).unwrap();
    }
    world.run(START + 1_000_000);
    assert_eq!(world.events, []);
    assert!(world.visits.sessions.is_empty());
}

#[test]
fn more_sessions_than_the_rate_allows_wait_and_open_in_turn() {
    let mut world = World::new(Settings {
        new_sessions_per_minute: NonZeroU32::new(10).unwrap(),
        ..SETTINGS
    });
    for session in 0..25_u32 {
        let at = START + Millis::from(session);
        world.apply(beacon(session.into(), 1, 1, Visible), at).unwrap();
    }
    world.run(START + 2_100);
    assert_eq!(world.visits.counts().open, 10);
    assert_eq!(world.visits.counts().waiting, 15);
    // One who waits may leave.
    world.apply(beacon(24, 1, 2, Left), START + 2_100).unwrap();
    world.run(START + 50_000);
    assert_eq!(world.visits.counts().waiting, 14 - 8);
    world.agrees();
}

#[test]
fn ten_thousand_sessions_of_one_address_are_bounded() {
    let mut world = World::new(SETTINGS);
    let mut refused = 0;
    for session in 0..10_000 {
        // All of one /64.
        let address = format!("2001:db8:1:2::{session:x}");
        let heard = world.hear_from(beacon(session, 1, 1, Visible), &address, START);
        refused += usize::from(heard == Err(DropReason::MaxSessionsPerAddress));
    }
    assert_eq!(refused, 10_000 - 256);
    assert_eq!(
        world.hear_from(beacon(10_000, 1, 1, Visible), "2001:db8:1:3::1", START),
        Ok(()),
        "the next network is another visitor"
    );
}

#[test]
fn memory_is_bounded() {
    let mut world = World::new(Settings {
        max_sessions: 10,
        ..SETTINGS
    });
    for session in 0..100 {
        let at = START + i64::try_from(session).unwrap() * 20_000;
        for tab in 0..50 {
            let address = format!("203.0.113.{}", session % 200);
            world
                .hear_from(beacon(session, tab, 1, Visible), &address, at)
                .unwrap();
        }
        world.run(at + 3_000);
        for tab in 0..50 {
            let _ = world.apply(beacon(session, tab, 2, Left), at + 3_000);
        }
    }
    assert!(
        world.visits.sessions.len() <= 20,
        "{}",
        world.visits.sessions.len()
    );
    world.agrees();
}

#[test]
fn address_is_that_with_which_the_session_began() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world
        .hear_from(beacon(1, 1, 2, Visible), "198.51.100.1", START + 3_000)
        .unwrap();
    let addresses: BTreeSet<_> = world
        .events
        .iter()
        .map(|event| event.address.to_string())
        .collect();
    assert_eq!(addresses, ["203.0.113.7".to_owned()].into());
}

#[test]
fn page_that_an_earlier_collector_knew_is_closed_when_it_is_left() {
    let mut earlier = World::new(SETTINGS);
    earlier.apply(beacon(1, 1, 1, Visible), START).unwrap();
    earlier.run(START + 5_000);

    // Also a page that was left before the restarted collector has let its session open.
    let mut world = World::started(SETTINGS, START + 6_000);
    world.apply(beacon(1, 1, 2, Left), START + 7_000).unwrap();
    world.apply(beacon(2, 1, 1, Visible), START + 7_000).unwrap();
    world.apply(beacon(2, 1, 2, Left), START + 7_500).unwrap();
    world.run(START + 16_999);
    assert_eq!(world.events, []);
    world.run(START + 17_500);
    assert_eq!(world.kinds(), [SessionClosed, SessionClosed]);
    assert_eq!(world.events[0].guid, earlier.events[0].guid);
    assert_eq!(world.events[0].at, START + 7_000);
    world.run(START + 1_000_000);
    assert!(world.visits.sessions.is_empty() && world.visits.closed.is_empty());
}

#[test]
fn page_that_goes_on_under_a_restarted_collector_is_not_closed() {
    let mut world = World::started(SETTINGS, START);
    world.apply(beacon(1, 1, 7, Left), START + 1_000).unwrap();
    world.apply(beacon(1, 2, 1, Visible), START + 1_200).unwrap();
    world.run(START + 30_000);
    assert_eq!(world.kinds(), [SessionOpened]);
}

#[test]
fn leave_of_an_unknown_session_closes_nothing_once_all_pages_have_been_heard() {
    let mut world = World::started(SETTINGS, START);
    world.apply(beacon(1, 1, 7, Left), START + 60_000).unwrap();
    world.run(START + 1_000_000);
    assert_eq!(world.events, []);
}

#[test]
fn remembered_closings_are_sent_again() {
    let mut world = World::new(SETTINGS);
    world.apply(beacon(1, 1, 1, Visible), START).unwrap();
    world.run(START + 5_000);
    world.apply(beacon(1, 1, 2, Left), START + 5_000).unwrap();
    world.run(START + 614_999);
    assert_eq!(world.kinds(), [SessionOpened, SessionClosed]);
    let closings: Vec<_> = world.visits.closed(START + 614_999).collect();
    assert_eq!(closings, world.events[1..]);
    world.run(START + 615_000);
    assert_eq!(world.visits.closed(START + 615_000).count(), 0);
}
