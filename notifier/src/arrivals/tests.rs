use std::sync::Arc;

use proptest::prelude::*;
use protocol::{Company, Profile};

use super::*;

const START: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);
const DAY: Duration = Duration::from_hours(24);

fn guid(n: usize) -> Guid {
    Guid::new(&format!("visit-{n}")).unwrap()
}

fn record(n: usize, opened_at: Timestamp, identified: bool) -> Record {
    let company = Company {
        guid: "c".into(),
        name: "Lumen".into(),
        domain: "lumen.example".into(),
    };
    Record {
        guid: guid(n),
        ip: "::1".into(),
        opened_at: Some(opened_at),
        first_seen_at: opened_at,
        last_activity_at: opened_at,
        received_at: opened_at,
        profile: Profile {
            company: identified.then(|| Arc::new(company)),
            ..Profile::default()
        },
        unidentified: !identified,
        identified_at: None,
        page: None,
        referrer: None,
    }
}

fn place(sequence: u64, published_at: Timestamp) -> Place {
    Place {
        sequence,
        published_at,
        ttl: Some(DAY),
    }
}

fn following() -> Visits {
    let mut visits = Visits::new(None);
    visits.caught_up();
    visits
}

#[test]
fn a_first_record_with_a_company_is_an_arrival_once() {
    let mut visits = following();
    assert!(visits.record(&record(1, START, true), place(1, START), START));
    assert!(!visits.record(&record(1, START, true), place(2, START), START));
    visits.tombstone(&guid(1), place(3, START));
    assert!(!visits.record(&record(1, START, true), place(4, START), START));
}

#[test]
fn a_company_that_becomes_known_later_is_an_arrival_once() {
    let mut visits = following();
    let late = START + 3 * LONG_AGO;
    assert!(!visits.record(&record(1, START, false), place(1, START), START));
    assert!(visits.record(&record(1, START, true), place(2, late), late));
    assert!(!visits.record(&record(1, START, true), place(3, late), late));
}

#[test]
fn visits_before_the_first_start_are_not_arrivals() {
    let mut visits = Visits::new(None);
    assert!(!visits.record(&record(1, START, true), place(1, START), START));
    assert!(!visits.record(&record(2, START, false), place(2, START), START));
    visits.caught_up();
    for n in 1..=2 {
        assert!(
            !visits.record(&record(n, START, true), place(3, START), START),
            "{n}"
        );
    }
    assert!(visits.record(&record(3, START, true), place(4, START), START));
}

#[test]
fn restored_records_are_not_arrivals_and_new_ones_are() {
    let mut visits = following();
    assert!(visits.record(&record(1, START, true), place(7, START), START));
    visits.lost();
    assert!(!visits.record(&record(1, START, true), place(1, START), START));
    assert!(visits.record(&record(2, START, true), place(2, START), START));
}

#[test]
fn incomplete_start_announces_nothing_after_a_stream_loss() {
    let position = Position {
        handled: 0,
        since: START,
    };
    let mut visits = Visits::new(Some(position));
    visits.lost();
    assert!(!visits.record(&record(1, START, true), place(1, START), START));
}

#[test]
fn a_short_gap_without_any_notifier_is_made_up_for() {
    let position = Position {
        handled: 10,
        since: START - 1,
    };
    let announced = |sequence, opened_at, now| {
        Visits::new(Some(position)).record(&record(1, opened_at, true), place(sequence, now), now)
    };
    assert!(announced(11, START, START + 1_000));
    assert!(!announced(10, START, START + 1_000), "it was handled");
    assert!(!announced(11, START - 2, START + 1_000), "it was there before");
    assert!(!announced(11, START, START + SHORT_GAP + 1), "the gap was long");
}

#[test]
fn a_visit_that_began_long_ago_is_not_news() {
    let now = START + LONG_AGO + 1;
    assert!(!following().record(&record(1, START, true), place(1, now), now));
    let identified = Record {
        identified_at: Some(now - 1),
        ..record(1, START, true)
    };
    assert!(following().record(&identified, place(1, now), now));
}

#[test]
fn forgets_what_the_stream_forgets() {
    let mut visits = following();
    visits.record(&record(1, START, true), place(1, START), START);
    visits.forget_expired(START + DAY - 1);
    assert_eq!(visits.known.len(), 1);
    visits.forget_expired(START + DAY);
    assert_eq!(visits.known.len(), 0);
}

/// What may happen to a stream while a notifier follows it.
#[derive(Clone, Debug)]
enum Step {
    Record(usize, bool),
    Tombstone(usize),
    Lost,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..6_usize, any::<bool>()).prop_map(|(n, identified)| Step::Record(n, identified)),
        2 => (0..6_usize).prop_map(Step::Tombstone),
        1 => Just(Step::Lost),
    ]
}

proptest! {
    #[test]
    fn each_visit_is_announced_exactly_once(steps in proptest::collection::vec(step(), 0..60)) {
        let mut visits = following();
        let (mut announced, mut identified, mut closed) = (vec![0; 6], [false; 6], [false; 6]);
        for (sequence, step) in steps.into_iter().enumerate() {
            let place = place(sequence as u64, START);
            match step {
                Step::Record(n, with_company) => {
                    let arrived = visits.record(&record(n, START, with_company), place, START);
                    announced[n] += usize::from(arrived);
                    identified[n] |= with_company && !closed[n];
                }
                Step::Tombstone(n) => {
                    visits.tombstone(&guid(n), place);
                    closed[n] = true;
                }
                Step::Lost => visits.lost(),
            }
        }
        for n in 0..6 {
            prop_assert_eq!(announced[n], usize::from(identified[n]), "visit {}", n);
        }
    }
}
