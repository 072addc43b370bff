use proptest::prelude::*;
use protocol::time::unix_ms;

use super::*;

fn paid(paid: u64) -> Lookups {
    Lookups {
        paid,
        spent: paid as f64 * 0.25,
        ..Lookups::default()
    }
}

#[test]
fn wire_form_is_frozen() {
    let mut bill = Bill::new(unix_ms(7));
    bill.reserve("e1", 2, unix_ms(86_400_000));
    bill.record("e1", paid(1), unix_ms(86_400_000));
    let json = concat!(
        r#"{"since":7,"accounts":{"e1":{"at":86400000,"lookups":{"paid":1,"failed":0,"paidForHidden":0,"#,
        r#""savedByCache":0,"savedByFleet":0,"savedBySharing":0,"spent":0.25},"taken":{"minute":{"span":1440,"calls":2},"#,
        r#""hour":{"span":24,"calls":2},"day":{"span":1,"calls":2}}}},"closed":{"names":{},"lookups":{"paid":0,"failed":0,"#,
        r#""paidForHidden":0,"savedByCache":0,"savedByFleet":0,"savedBySharing":0,"spent":0.0},"taken":"#,
        r#"{"minute":{"span":0,"calls":0},"hour":{"span":0,"calls":0},"day":{"span":0,"calls":0}}}}"#,
    );
    assert_eq!(serde_json::to_string(&bill).unwrap(), json);
    assert_eq!(serde_json::from_str::<Bill>(json).unwrap(), bill);
    assert_eq!(
        serde_json::from_str::<Bill>(r#"{"since":7}"#).unwrap(),
        Bill::new(unix_ms(7))
    );
}

#[test]
fn copies_that_several_enrichers_put_back_count_once() {
    let mut seen_by_a = Bill::new(unix_ms(0));
    seen_by_a.reserve("a", 3, unix_ms(1_000));
    let mut seen_by_b = seen_by_a.clone();
    seen_by_b.reserve("c", 2, unix_ms(2_000));
    seen_by_b.record("c", paid(2), unix_ms(2_000));
    let restored = Bill::new(unix_ms(5_000))
        .join(&seen_by_a)
        .join(&seen_by_b)
        .join(&seen_by_a);
    assert_eq!(restored, seen_by_b, "since is that of the earlier bill");
    assert_eq!(restored.reserved(Span::Day, unix_ms(5_000)), 5);
    assert_eq!(restored.total().paid, 2);
}

#[test]
fn each_call_counts_in_every_span() {
    let mut bill = Bill::new(unix_ms(0));
    bill.reserve("a", 3, unix_ms(30_000));
    bill.reserve("b", 4, unix_ms(90_000));
    assert_eq!(bill.reserved(Span::Minute, unix_ms(90_000)), 4);
    assert_eq!(bill.reserved(Span::Hour, unix_ms(90_000)), 7);
    assert_eq!(bill.reserved(Span::Day, unix_ms(90_000)), 7);
    assert_eq!(
        bill.reserved(Span::Day, unix_ms(86_400_000)),
        0,
        "a new day is a new budget"
    );
}

#[test]
fn calls_count_after_the_clock_was_put_back() {
    let mut bill = Bill::new(unix_ms(0));
    bill.reserve("a", 1, unix_ms(10 * 60_000));
    let known = bill.clone();
    for taken in [2, 4, 6] {
        bill = bill.join(&known);
        bill.reserve("a", 2, unix_ms(5 * 60_000));
        assert_eq!(bill.reserved(Span::Minute, unix_ms(5 * 60_000)), taken);
    }
    bill.reserve("a", 1, unix_ms(10 * 60_000));
    assert_eq!(bill.join(&known).reserved(Span::Minute, unix_ms(10 * 60_000)), 1);
}

#[test]
fn accounts_of_enrichers_that_are_gone_are_added_up() {
    let mut bill = Bill::new(unix_ms(0));
    for number in 0..100 {
        let (name, now) = (format!("e{number}"), unix_ms(number * 1_000));
        bill.reserve(&name, 1, now);
        bill.record(&name, paid(1), now);
    }
    let before = bill.clone();
    bill.close_old("e0", unix_ms(99_000));
    assert_eq!(bill, before, "all of them may be alive");
    bill.close_old("e0", unix_ms(2_000_000));
    assert_eq!(bill.accounts.len(), MAX_ACCOUNTS);
    assert!(bill.accounts.contains_key("e0"), "it is needed");
    assert!(bill.is_closed("e1") && !bill.is_closed("e99"));
    assert_eq!(bill.total().paid, 100);
    assert_eq!(bill.reserved(Span::Day, unix_ms(2_000_000)), 100);
    assert_eq!(before.join(&bill), bill, "an older copy brings nothing back");
}

#[test]
fn an_idle_account_is_renewed_so_that_it_stays_open() {
    let mut bill = Bill::new(unix_ms(0));
    bill.record("a", paid(1), unix_ms(1_000));
    let before = bill.clone();
    bill.record("a", paid(1), unix_ms(1_000) + RENEWED_AFTER);
    assert_eq!(bill, before, "nothing new is nothing to write");
    bill.record("a", paid(1), unix_ms(1_001) + RENEWED_AFTER);
    assert_ne!(bill, before);
}

#[test]
fn names_of_closed_accounts_are_bounded() {
    let mut bill = Bill::new(unix_ms(0));
    for number in 0..1_000 {
        let now = unix_ms(number * 60_000);
        bill.record(&format!("e{number}"), paid(1), now);
        bill.close_old("", now);
    }
    assert_eq!(bill.closed.names.len(), MAX_CLOSED_NAMES);
    assert_eq!(bill.total().paid, 1_000);
    let bytes = serde_json::to_vec(&bill).unwrap().len();
    assert!(bytes < 16 * 1024, "{bytes}");
}

fn bills() -> impl Strategy<Value = Bill> {
    let time = (0..200_000_i64).prop_map(unix_ms);
    let take = (0..4_u8, time, 1..9_u64);
    proptest::collection::vec(take, 0..12).prop_map(|takes| {
        let mut bill = Bill::new(takes.first().map_or(unix_ms(0), |(_, at, _)| *at));
        for (name, now, calls) in takes {
            bill.reserve(&name.to_string(), calls, now);
            bill.record(&name.to_string(), paid(calls), now);
        }
        bill
    })
}

proptest! {
    #[test]
    fn joining_is_commutative_associative_and_idempotent(a in bills(), b in bills(), c in bills()) {
        let join = |a: &Bill, b: &Bill| a.clone().join(b);
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(join(&a, &a), a);
    }

    /// Each enricher remembers some state of the one bill; whichever of them put theirs back, and however often, the
    /// result is the latest.
    #[test]
    fn any_copies_restore_the_latest_of_them(
        steps in proptest::collection::vec((0..4_u8, 1..9_u64), 1..20),
        remembered in proptest::collection::vec(0..20_usize, 1..6),
    ) {
        let mut states = vec![Bill::new(unix_ms(10))];
        for (step, (name, calls)) in (0..).zip(steps) {
            let mut next = states.last().cloned().unwrap();
            next.reserve(&name.to_string(), calls, unix_ms(10_000 + step * 1_000));
            states.push(next);
        }
        let copies = remembered.iter().map(|place| place % states.len());
        let latest = &states[copies.clone().max().unwrap()];
        let restored = copies.fold(Bill::new(unix_ms(99_000)), |bill, place| bill.join(&states[place]));
        prop_assert_eq!(&restored, latest);
    }

    /// Two enrichers know the same bill, one of them also what was spent since. Each closes old accounts of others before
    /// they put their copies back.
    #[test]
    fn copies_that_closed_different_accounts_count_each_of_them_once(
        known in proptest::collection::vec((0..600_i64, 1..9_u64), 1..24),
        later in proptest::collection::vec((0..24_usize, 1..9_u64), 0..6),
        keep in (0..24_usize, 0..24_usize),
        (first_at, second_at) in (600..2_000_i64, 600..2_000_i64),
    ) {
        let at = |second: i64| unix_ms(second * 1_000);
        let mut spent = vec![0; known.len()];
        let mut first = Bill::new(at(0));
        let spend = |bill: &mut Bill, spent: &mut [u64], account: usize, calls: u64, second: i64| {
            spent[account] += calls;
            bill.reserve(&account.to_string(), calls, at(second));
            bill.record(&account.to_string(), paid(spent[account]), at(second));
        };
        for (account, (second, calls)) in known.into_iter().enumerate() {
            spend(&mut first, &mut spent, account, calls, second);
        }
        let mut second = first.clone();
        for (account, calls) in later {
            let account = account % spent.len();
            spend(&mut second, &mut spent, account, calls, 600);
        }
        first.close_old(&keep.0.to_string(), at(first_at));
        second.close_old(&keep.1.to_string(), at(second_at));
        let joined = first.clone().join(&second);
        let total: u64 = spent.iter().sum();
        prop_assert_eq!(joined.total().paid, total);
        prop_assert_eq!(joined.reserved(Span::Day, at(2_000)), total);
        prop_assert_eq!(second.join(&first), joined);
    }
}
