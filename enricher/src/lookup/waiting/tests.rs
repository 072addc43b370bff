use std::time::Duration;

use protocol::time::unix_ms;

use super::*;

fn key(byte: u8) -> Key {
    Key::from_digest(&[byte; 32])
}

fn guid(name: &str) -> Guid {
    Guid::new(name).unwrap()
}

fn sighting(name: &str, at: Timestamp) -> Sighting {
    Sighting {
        guid: guid(name),
        ip: "::1".into(),
        opening: true,
        at,
        received_at: at,
        page: None,
        referrer: None,
    }
}

/// The fleet asks again after so many seconds.
fn deferred(seconds: u64, early_retry: bool) -> RetryKind {
    RetryKind::Deferred {
        wait: Duration::from_secs(seconds),
        early_retry,
    }
}

fn tickets(sightings: Vec<(Sighting, u32)>) -> Vec<u32> {
    let mut tickets: Vec<_> = sightings.into_iter().map(|(_, ticket)| ticket).collect();
    tickets.sort_unstable();
    tickets
}

#[test]
fn one_lookup_for_all_sessions_of_an_address() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    assert!(!waiting.add(key(1), sighting("a", unix_ms(1)), 1).shares_lookup);
    assert!(waiting.add(key(1), sighting("b", unix_ms(1)), 2).shares_lookup);
    assert!(!waiting.add(key(2), sighting("c", unix_ms(1)), 3).shares_lookup);
    assert_eq!(waiting.len(), 3);
    assert_eq!(waiting.next(now, true), Some(key(1)));
    assert_eq!(waiting.next(now, true), Some(key(2)));
    assert_eq!(waiting.next(now, true), None);
    assert_eq!(
        waiting.lookup(key(1)).unwrap().sighting,
        &sighting("a", unix_ms(1))
    );
    assert_eq!(tickets(waiting.take(key(1))), [1, 2]);
    assert_eq!(waiting.len(), 1);
}

#[test]
fn a_session_keeps_two_messages_however_often_it_is_sighted() {
    let mut waiting = WaitingSessions::new();
    let mut superseded = 0;
    for number in 0..100 {
        let added = waiting.add(key(1), sighting("a", unix_ms(number.into())), number);
        superseded += usize::from(added.superseded.is_some());
    }
    assert_eq!((waiting.len(), superseded), (1, 98));
    assert_eq!(tickets(waiting.take(key(1))), [0, 99]);
}

#[test]
fn a_failed_lookup_is_tried_again_after_its_pause() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    assert_eq!(waiting.next(now, true), Some(key(1)));
    waiting.failed(key(1), deferred(5, false), now, 0.0);
    let due = waiting.next_retry().unwrap();
    assert_eq!(due, now + Duration::from_secs(5));
    assert_eq!(waiting.next(now, true), None);
    assert_eq!(waiting.next(due, true), Some(key(1)));
    assert_eq!(waiting.next_retry(), None);
    waiting.failed(key(1), deferred(30, false), due, 0.0);
    assert_eq!(waiting.next_retry(), Some(due + Duration::from_secs(30)));
    assert_eq!(tickets(waiting.take(key(1))), [1], "a verdict from elsewhere");
    assert_eq!(waiting.next_retry(), None);
}

#[test]
fn queue_is_unchanged_while_no_lookup_may_begin() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    waiting.add(key(2), sighting("b", unix_ms(1)), 2);
    let next = waiting.next(now, true).unwrap();
    waiting.put_back(next);
    assert_eq!(waiting.next(now, true), Some(key(1)));
    assert_eq!(waiting.next(now, true), Some(key(2)));
}

#[test]
fn the_interest_is_lost_with_the_last_session() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    waiting.add(key(1), sighting("b", unix_ms(1)), 2);
    let interest = waiting.lookup(key(1)).unwrap().interest;
    assert_eq!(tickets(waiting.take_session(key(1), &guid("a"))), [1]);
    assert!(!interest.is_lost());
    assert_eq!(tickets(waiting.take_session(key(1), &guid("b"))), [2]);
    assert!(interest.is_lost());
    assert!(!waiting.contains(key(1)));
    assert_eq!(waiting.next(now, true), None, "nobody pays for who has left");
}

#[test]
fn silent_sessions_stop_waiting() {
    let mut waiting = WaitingSessions::new();
    waiting.add(key(1), sighting("a", unix_ms(10)), 1);
    waiting.add(key(1), sighting("b", unix_ms(20)), 2);
    waiting.add(key(2), sighting("c", unix_ms(10)), 3);
    waiting.add(key(2), sighting("c", unix_ms(30)), 4);
    assert_eq!(tickets(waiting.drain_silent(unix_ms(15))), [1]);
    assert_eq!(waiting.len(), 2);
}

#[test]
fn sessions_whose_lookup_keeps_failing_are_named() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(10)), 1);
    assert_eq!(
        waiting.waiting_since(unix_ms(15), true).count(),
        0,
        "it has not failed"
    );
    assert_eq!(waiting.waiting_since(unix_ms(15), false).count(), 1);
    assert_eq!(waiting.next(now, true), Some(key(1)));
    waiting.failed(key(1), RetryKind::Transient, now, 0.0);
    assert_eq!(waiting.waiting_since(unix_ms(15), true).count(), 1);
    assert_eq!(
        waiting.waiting_since(unix_ms(10), true).count(),
        0,
        "not for so long"
    );
}

#[test]
fn everybody_can_be_taken_out() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    waiting.add(key(2), sighting("b", unix_ms(1)), 2);
    assert_eq!(waiting.next(now, true), Some(key(1)));
    assert_eq!(waiting.next(now, true), Some(key(2)));
    waiting.failed(key(2), RetryKind::NotSent, now, 0.0);
    let interest = waiting.lookup(key(1)).unwrap().interest;
    assert_eq!(tickets(waiting.take_all()), [1, 2]);
    assert!(interest.is_lost());
    assert_eq!((waiting.len(), waiting.next_retry()), (0, None));
}

#[test]
fn result_of_an_abandoned_lookup_does_not_affect_later_sessions() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    assert_eq!(waiting.next(now, true), Some(key(1)));
    waiting.take_session(key(1), &guid("a"));
    waiting.add(key(1), sighting("b", unix_ms(1)), 2);
    waiting.failed(key(1), deferred(5, false), now, 0.0);
    assert_eq!(waiting.next(now, true), Some(key(1)), "it is in line already");
    assert_eq!(waiting.next(now, true), None);
}

#[test]
fn a_session_counts_once_until_its_verdict() {
    let mut waiting = WaitingSessions::new();
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    waiting.add(key(1), sighting("a", unix_ms(2)), 2);
    assert_eq!(waiting.being_identified(0), 1);
    waiting.take(key(1));
    waiting.postponed(guid("a"), 10);
    assert_eq!(waiting.being_identified(9), 1);
    waiting.add(key(1), sighting("a", unix_ms(3)), 3);
    assert_eq!(waiting.being_identified(9), 1);
    waiting.take(key(1));
    waiting.postponed(guid("a"), 10);
    assert_eq!(waiting.being_identified(10), 0);
    waiting.postponed(guid("a"), 20);
    waiting.identified(&guid("a"));
    assert_eq!(waiting.being_identified(11), 0);
}

#[test]
fn usable_answer_for_another_address_brings_an_early_retry() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    assert_eq!(waiting.next(now, true), Some(key(1)));
    waiting.failed(key(1), deferred(30, true), now, 0.0);
    waiting.succeeded(now);
    assert_eq!(waiting.next(now, true), Some(key(1)));
    assert!(waiting.lookup(key(1)).unwrap().early);
    waiting.failed(key(1), deferred(30, false), now, 0.0);
    assert!(!waiting.lookup(key(1)).unwrap().early);
    waiting.succeeded(now);
    assert_eq!(waiting.next(now, true), None, "it is the address");
    assert_eq!(waiting.next_retry(), Some(now + Duration::from_secs(30)));
}

/// Fails more often in a row than at random; returns the time of the last failure.
fn exceed_random_failures(waiting: &mut WaitingSessions<u32>, begin: Instant) -> Instant {
    let mut failed_at = begin;
    for _ in 0..retry::RANDOM_FAILURES {
        failed_at = waiting.next_retry().unwrap_or(begin);
        assert_eq!(waiting.next(failed_at, true), Some(key(1)));
        waiting.failed(key(1), RetryKind::Transient, failed_at, 0.0);
    }
    failed_at
}

#[test]
fn outage_is_over_with_the_first_answer_to_anybody() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    let recovered = exceed_random_failures(&mut waiting, now) + Duration::from_secs(1);
    assert_eq!(waiting.next(recovered, true), None);
    waiting.succeeded(recovered);
    let failed_at = exceed_random_failures(&mut waiting, recovered);
    waiting.succeeded(failed_at);
    assert_eq!(
        waiting.next(failed_at, true),
        None,
        "it fails for this address alone"
    );
}

#[test]
fn unsent_lookups_do_not_count_as_transient_failures() {
    let (mut waiting, mut now) = (WaitingSessions::new(), Instant::now());
    waiting.add(key(1), sighting("a", unix_ms(1)), 1);
    for _ in 0..100 {
        assert_eq!(waiting.next(now, true), Some(key(1)));
        waiting.failed(key(1), RetryKind::NotSent, now, 0.0);
        now = waiting.next_retry().unwrap();
    }
    assert_eq!(waiting.next(now, true), Some(key(1)));
    waiting.failed(key(1), RetryKind::Transient, now, 0.0);
    assert!(waiting.next_retry().unwrap() - now < Duration::from_secs(1));
}

#[test]
fn refused_addresses_come_last_and_in_turn() {
    let (mut waiting, now) = (WaitingSessions::new(), Instant::now());
    for number in 1..=3 {
        waiting.add(
            key(number),
            sighting(&number.to_string(), unix_ms(1)),
            number.into(),
        );
    }
    for number in 1..=2 {
        assert_eq!(waiting.next(now, true), Some(key(number)));
        waiting.failed(key(number), RetryKind::Refused, now, 0.0);
    }
    assert_eq!(waiting.next(now, true), Some(key(3)));
    waiting.failed(key(3), RetryKind::NotSent, now, 0.0);
    let due = waiting.next_retry().unwrap();
    assert!(!waiting.is_any_ready(false) && waiting.is_any_ready(true));
    assert_eq!(waiting.next(now, false), None);
    assert_eq!(waiting.next(due, true), Some(key(3)), "although it failed later");
    assert_eq!(waiting.next(due, true), Some(key(1)));
    waiting.put_back(key(1));
    waiting.add(key(4), sighting("4", unix_ms(1)), 4);
    assert_eq!(waiting.next(due, true), Some(key(4)));
    assert_eq!(waiting.next(due, true), Some(key(1)));
    waiting.failed(key(1), RetryKind::Refused, due, 0.0);
    assert_eq!(waiting.next(due, true), Some(key(2)));
    assert_eq!(waiting.next(due, true), Some(key(1)));
}
