use super::*;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

pub(super) const MAX: u16 = 512;

/// A provider with this many workers: calls beyond that wait for one another.
#[derive(Clone, Copy)]
pub(super) struct Provider {
    latency: Duration,
    workers: f64,
    /// How much single latencies vary, as a share.
    jitter: f64,
}

impl Provider {
    pub(super) const fn of(latency: Duration, workers: f64) -> Self {
        Self {
            latency,
            workers,
            jitter: 0.0,
        }
    }

    pub(super) fn answer(self, in_flight: usize, rng: &mut StdRng) -> CallOutcome {
        let queued = (in_flight as f64 / self.workers).max(1.0);
        let jitter = 1.0 + self.jitter * rng.random_range(-1.0..=1.0);
        CallOutcome::Answered(self.latency.mul_f64(queued * jitter))
    }
}

/// Runs calls for this many latencies while `demand` of them want to run at once.
fn saturate(concurrency: &mut Concurrency, provider: Provider, demand: usize, latencies: usize) {
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..latencies {
        let in_flight = concurrency.limit().min(demand);
        let calls: Vec<_> = (0..in_flight)
            .map(|_| concurrency.begin(Instant::now()))
            .collect();
        if demand > in_flight {
            concurrency.wait(Instant::now());
        }
        for call in calls {
            concurrency.end(call, provider.answer(in_flight, &mut rng), Instant::now());
        }
    }
}

#[test]
fn starts_at_a_useful_level() {
    assert_eq!(Concurrency::new(MAX, Instant::now()).limit(), 256);
    assert_eq!(Concurrency::new(2, Instant::now()).limit(), 2);
}

#[test]
fn slow_answers_are_no_reason_for_fewer_calls() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_secs(4), 1e6),
        10_000,
        4,
    );
    assert_eq!(concurrency.limit(), 512, "doubles per round");
}

#[test]
fn a_provider_that_becomes_slow_keeps_its_calls() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_millis(50), 1e6),
        10_000,
        20,
    );
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_secs(4), 1e6),
        10_000,
        20,
    );
    assert!(concurrency.limit() >= 400, "{concurrency:?}");
}

#[test]
fn calls_that_only_queue_at_the_provider_are_not_made() {
    for jitter in [0.0, 0.5] {
        let provider = Provider {
            jitter,
            ..Provider::of(Duration::from_millis(200), 100.0)
        };
        let mut concurrency = Concurrency::new(MAX, Instant::now());
        for _ in 0..200 {
            saturate(&mut concurrency, provider, 10_000, 10);
            assert!((60..=260).contains(&concurrency.limit()), "{concurrency:?}");
        }
    }
}

#[test]
fn follows_a_capacity_that_shrinks_and_grows_again() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_millis(100), 1e6),
        10_000,
        20,
    );
    assert_eq!(concurrency.limit(), 512);
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_millis(100), 20.0),
        10_000,
        400,
    );
    assert!(concurrency.limit() <= 40, "{concurrency:?}");
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_millis(100), 1e6),
        10_000,
        400,
    );
    assert!(concurrency.limit() >= 400, "{concurrency:?}");
}

#[test]
fn an_overloaded_provider_gets_half_of_the_calls_once_per_round() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    let calls: Vec<_> = (0..256).map(|_| concurrency.begin(Instant::now())).collect();
    for call in calls {
        concurrency.end(call, CallOutcome::Overloaded, Instant::now());
    }
    assert_eq!(concurrency.limit(), 128);
    concurrency.end(
        concurrency.begin(Instant::now()),
        CallOutcome::Overloaded,
        Instant::now(),
    );
    assert_eq!(concurrency.limit(), 64);
}

#[test]
fn one_call_in_ten_that_is_never_answered_costs_no_concurrency() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    for number in 0..10_000 {
        let outcome = match number % 10 {
            0 => CallOutcome::TimedOut,
            _ => CallOutcome::Answered(Duration::from_millis(50)),
        };
        concurrency.wait(Instant::now());
        concurrency.end(concurrency.begin(Instant::now()), outcome, Instant::now());
    }
    assert_eq!(concurrency.limit(), 512);
}

#[test]
fn a_provider_that_answers_hardly_any_call_in_time_gets_fewer() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    for _ in 0..500 {
        concurrency.wait(Instant::now());
        concurrency.end(
            concurrency.begin(Instant::now()),
            CallOutcome::TimedOut,
            Instant::now(),
        );
    }
    assert_eq!(concurrency.limit(), 1);
}

#[test]
fn refused_connections_say_nothing_about_capacity() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    for _ in 0..1000 {
        concurrency.end(
            concurrency.begin(Instant::now()),
            CallOutcome::Unconnected,
            Instant::now(),
        );
    }
    assert_eq!(concurrency.limit(), 256);
}

#[test]
fn recovers_after_an_overload() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    for _ in 0..10 {
        concurrency.end(
            concurrency.begin(Instant::now()),
            CallOutcome::Overloaded,
            Instant::now(),
        );
    }
    assert_eq!(concurrency.limit(), 1);
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_millis(50), 1e6),
        10_000,
        400,
    );
    assert_eq!(concurrency.limit(), 512);
}

#[test]
fn does_not_grow_while_it_is_not_used() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_millis(50), 1e6),
        10,
        1000,
    );
    assert_eq!(concurrency.limit(), 256);
}

#[test]
fn follows_the_limit_of_another_and_goes_on_from_there() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    concurrency.follow(300, Instant::now());
    assert_eq!(concurrency.limit(), 300);
    concurrency.follow(10_000, Instant::now());
    assert_eq!(concurrency.limit(), 512);
}

proptest! {
    #[test]
    fn stays_between_one_and_the_maximum(
        max in 1..64_u16,
        calls in proptest::collection::vec((0..5_000_u64, 0..4, any::<bool>()), 0..400),
    ) {
        let mut concurrency = Concurrency::new(max, Instant::now());
        for (latency, kind, is_limited) in calls {
            let outcome = match kind {
                0 => CallOutcome::Overloaded,
                1 => CallOutcome::TimedOut,
                2 => CallOutcome::Unconnected,
                _ => CallOutcome::Answered(Duration::from_millis(latency)),
            };
            if is_limited {
                concurrency.wait(Instant::now());
            }
            concurrency.end(concurrency.begin(Instant::now()), outcome, Instant::now());
            prop_assert!((1..=usize::from(max)).contains(&concurrency.limit()));
        }
    }
}

#[test]
fn latency_that_our_calls_do_not_explain_starts_the_search_over() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_millis(200), 60.0),
        10_000,
        100,
    );
    assert!(concurrency.limit() < 128, "{concurrency:?}");
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_secs(4), 1e6),
        10_000,
        8,
    );
    assert_eq!(concurrency.limit(), 512);
}

#[test]
fn overloaded_provider_that_becomes_slow_is_not_asked_for_everything_at_once() {
    let mut concurrency = Concurrency::new(MAX, Instant::now());
    for _ in 0..5 {
        concurrency.end(
            concurrency.begin(Instant::now()),
            CallOutcome::Overloaded,
            Instant::now(),
        );
    }
    assert_eq!(concurrency.limit(), 8);
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_millis(50), 1e6),
        4,
        100,
    );
    saturate(
        &mut concurrency,
        Provider::of(Duration::from_secs(1), 1e6),
        10_000,
        2,
    );
    assert!((9..=32).contains(&concurrency.limit()), "{concurrency:?}");
}
