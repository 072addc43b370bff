use std::collections::VecDeque;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::tests::{MAX, Provider};
use super::*;

/// A fleet of enrichers at one provider: the first adapts the limit, the others follow it once a second.
fn saturate_by_fleet(enrichers: usize, provider: Provider, lasting: Duration) -> usize {
    const STATUS_INTERVAL: Duration = Duration::from_secs(1);
    let (started, mut rng) = (Instant::now(), StdRng::seed_from_u64(1));
    let mut leader = Concurrency::new(MAX, started);
    leader.shared_by(enrichers);
    let (mut elapsed, mut adopted_at, mut adopted) = (Duration::ZERO, Duration::ZERO, leader.limit());
    while elapsed < lasting {
        let own = (leader.limit() / enrichers).max(1);
        let in_flight = own + (adopted / enrichers).max(1) * (enrichers - 1);
        let calls: Vec<_> = (0..own).map(|_| leader.begin(started + elapsed)).collect();
        leader.wait(started + elapsed);
        let CallOutcome::Answered(latency) = provider.answer(in_flight, &mut rng) else {
            unreachable!("it answers");
        };
        elapsed += latency;
        for call in calls {
            leader.end(call, CallOutcome::Answered(latency), started + elapsed);
        }
        if elapsed >= adopted_at + STATUS_INTERVAL {
            (adopted_at, adopted) = (elapsed, leader.limit());
        }
    }
    leader.limit()
}

#[test]
fn fleet_finds_the_same_limit_as_one_enricher() {
    let provider = Provider::of(Duration::from_millis(200), 100.0);
    for enrichers in [1, 2, 4] {
        for seconds in [300, 330, 360] {
            let limit = saturate_by_fleet(enrichers, provider, Duration::from_secs(seconds));
            assert!((60..=260).contains(&limit), "{enrichers} enrichers: {limit}");
        }
    }
}

#[test]
fn fleet_of_any_size_gives_a_slow_provider_as_many_calls_as_it_bears() {
    for enrichers in [1, 2, 4] {
        let provider = Provider::of(Duration::from_secs(4), 1e6);
        assert_eq!(
            saturate_by_fleet(enrichers, provider, Duration::from_secs(13)),
            512
        );
    }
}

/// What new visitors of a fleet experience: how many of them have no answer six seconds after the last one arrived.
///
/// `start` are the latencies in ms of rounds of calls before, to a healthy provider on a machine that is busy with something
/// else; `rest` is how many calls of a further round have been answered at once.
fn unanswered_visitors(enrichers: usize, latency: Duration, start: &[u64], rest: usize) -> usize {
    const TICK: Duration = Duration::from_millis(10);
    const LASTING: Duration = Duration::from_secs(15);
    const GRACE: Duration = Duration::from_secs(6);
    let started = Instant::now();
    let mut now = started;
    let mut fleet: Vec<_> = (0..enrichers).map(|_| Concurrency::new(MAX, now)).collect();
    for concurrency in &mut fleet {
        concurrency.shared_by(enrichers);
    }
    for latency in start {
        now += FOLLOW;
        let leader = &mut fleet[0];
        let calls: Vec<_> = (0..leader.limit()).map(|_| leader.begin(now)).collect();
        leader.wait(now);
        for call in calls {
            leader.end(call, CallOutcome::Answered(Duration::from_millis(*latency)), now);
        }
    }
    for _ in 0..rest {
        let leader = &mut fleet[0];
        leader.wait(now);
        leader.end(
            leader.begin(now),
            CallOutcome::Answered(Duration::from_millis(5)),
            now,
        );
    }
    now += Duration::from_secs(2);
    let came = now;
    let mut in_flight: Vec<VecDeque<(Instant, CallTag)>> = vec![VecDeque::new(); enrichers];
    let mut waiting = vec![0; enrichers];
    let (mut adopted_at, mut visitors) = (now, 0);
    while now < came + LASTING + GRACE {
        now += TICK;
        if now <= came + LASTING {
            // One hundred a second.
            waiting[visitors % enrichers] += 1;
            visitors += 1;
        }
        if now >= adopted_at + Duration::from_secs(1) {
            adopted_at = now;
            let limit = fleet[0].limit();
            for follower in &mut fleet[1..] {
                follower.follow(limit, now);
            }
        }
        for ((concurrency, in_flight), waiting) in fleet.iter_mut().zip(&mut in_flight).zip(&mut waiting) {
            while let Some((began, call)) = in_flight.pop_front_if(|(began, _)| *began + latency <= now) {
                concurrency.end(call, CallOutcome::Answered(now - began), now);
            }
            while *waiting > 0 {
                if in_flight.len() >= concurrency.limit() / enrichers {
                    concurrency.wait(now);
                    break;
                }
                *waiting -= 1;
                in_flight.push_back((now, concurrency.begin(now)));
            }
        }
    }
    waiting.iter().sum::<usize>() + in_flight.iter().map(VecDeque::len).sum::<usize>()
}

#[test]
fn provider_that_answers_after_four_seconds_identifies_a_hundred_visitors_per_second() {
    let starts: [&[u64]; 4] = [
        &[],
        &[5, 80, 60, 150, 90],
        &[5, 80, 60, 60, 60, 60],
        &[5, 5, 5, 5, 90],
    ];
    for enrichers in [1, 2, 4, 8] {
        for start in starts {
            for rest in [0, 10, 25, 40, 55] {
                for latency in [2, 3, 4].map(Duration::from_secs) {
                    let unanswered = unanswered_visitors(enrichers, latency, start, rest);
                    assert_eq!(
                        unanswered, 0,
                        "{enrichers} enrichers, {latency:?}, start {start:?}, {rest} more"
                    );
                }
            }
        }
    }
}

#[test]
fn enricher_that_was_asked_for_fewer_calls_keeps_its_lower_limit_until_the_leader_has_it() {
    let now = Instant::now();
    let mut follower = Concurrency::new(MAX, now);
    follower.follow(200, now);
    follower.end(follower.begin(now), CallOutcome::Overloaded, now);
    assert!(follower.demands_fewer(now));
    assert_eq!(follower.limit(), 100);
    follower.follow(200, now);
    assert_eq!(follower.limit(), 100, "the leader has not heard yet");
    follower.follow(100, now);
    assert!(!follower.demands_fewer(now), "it has now");
    follower.follow(120, now);
    assert_eq!(follower.limit(), 120);

    follower.end(follower.begin(now), CallOutcome::Overloaded, now);
    follower.follow(120, now + TELL_LOWER);
    assert_eq!(follower.limit(), 120, "no leader ever took the lower limit");
}

#[test]
fn leader_takes_the_lower_limit_of_another_and_never_a_higher_one() {
    let now = Instant::now();
    let mut leader = Concurrency::new(MAX, now);
    leader.lower_to(64, now);
    assert_eq!(leader.limit(), 64);
    assert!(!leader.is_settled(now) && leader.is_settled(now + FOLLOW));
    leader.lower_to(100, now);
    assert_eq!(leader.limit(), 64);
}
