use super::*;
use crate::lookup::admission::account::KeyTag;
use proptest::prelude::*;
use protocol::Millis;

const RETRY: Millis = 60_000;

fn entry(at: Millis, key: u8) -> AccountEntry {
    AccountEntry {
        state: Account::Refused,
        status: 403,
        since: unix_ms(at),
        retry_at: unix_ms(at + RETRY),
        key: KeyTag::new([key; 8]),
        by: "e1".into(),
        address_refusal: None,
    }
}

/// The call for this address is refused at this time; the last answer came at `answered_at`.
fn call(address: &str, at: Millis, answered_at: Option<Millis>) -> RefusedCall {
    RefusedCall {
        entry: entry(at, 1),
        address: address.into(),
        began_at: unix_ms(at - 10),
        accepted_at: answered_at.map(unix_ms),
        answered_at: answered_at.map(unix_ms),
    }
}

/// The fleet's entry after a call that counts for its address.
fn for_address(call: &RefusedCall, before: Option<&AccountEntry>) -> AccountEntry {
    match call.ruling(before) {
        Ruling::Address(Some(entry)) => entry,
        other => panic!("{other:?}"),
    }
}

#[test]
fn first_refusal_counts_for_the_account_without_a_recent_answer() {
    for answered_at in [None, Some(1_000_000 - 600_001)] {
        let refused = call("a", 1_000_000, answered_at);
        assert_eq!(refused.ruling(None), Ruling::Account(entry(1_000_000, 1)));
    }
}

#[test]
fn refusal_beside_a_recent_answer_counts_for_its_address() {
    let after = for_address(&call("a", 1_000_000, Some(400_000)), None);
    assert_eq!(after.refusal(), None);
    let refused = after.address_refusal.unwrap();
    assert_eq!((&*refused.address, refused.at), ("a", unix_ms(1_000_000)));
}

#[test]
fn second_address_without_an_answer_in_between_counts_for_the_account() {
    let after = for_address(&call("a", 1_000, Some(900)), None);
    let again = call("a", 6_000, Some(900));
    assert_eq!(
        again.ruling(Some(&after)),
        Ruling::Address(None),
        "the same address"
    );
    let other = call("b", 7_000, Some(900));
    assert_eq!(other.ruling(Some(&after)), Ruling::Account(entry(7_000, 1)));
}

#[test]
fn second_address_after_an_answer_of_any_enricher_counts_for_itself() {
    let after = for_address(&call("a", 1_000, Some(900)), None);
    let other = RefusedCall {
        answered_at: Some(unix_ms(1_500)),
        ..call("b", 2_000, Some(900))
    };
    let after = for_address(&other, Some(&after));
    assert_eq!(&*after.address_refusal.unwrap().address, "b");
}

#[test]
fn answers_with_another_key_say_nothing_about_this_one() {
    let accepted = AccountEntry {
        state: Account::Ok,
        ..entry(500, 2)
    };
    let refused = RefusedCall {
        accepted_at: None,
        ..call("a", 1_000, Some(900))
    };
    assert_eq!(refused.ruling(Some(&accepted)), Ruling::Account(entry(1_000, 1)));
    let same_key = AccountEntry {
        state: Account::Ok,
        ..entry(500, 1)
    };
    let after = for_address(&refused, Some(&same_key));
    assert_eq!(after.since, unix_ms(500), "accepted since then");
}

#[test]
fn refusal_of_a_call_that_began_before_the_account_was_accepted_says_nothing_about_it() {
    let accepted = AccountEntry {
        state: Account::Ok,
        ..entry(1_000, 1)
    };
    assert_eq!(
        call("a", 1_005, None).ruling(Some(&accepted)),
        Ruling::Address(None)
    );
}

#[test]
fn refusal_while_the_account_is_refused_counts_for_the_account() {
    let refused = call("b", 2_000, Some(1_500));
    let again = AccountEntry {
        since: unix_ms(1_000),
        ..entry(2_000, 1)
    };
    assert_eq!(refused.ruling(Some(&entry(1_000, 1))), Ruling::Account(again));
}

#[test]
fn older_releases_read_the_entry_as_accepted() {
    let after = for_address(&call("a", 1_000, Some(900)), None);
    let text = r#"{"state":"ok","status":0,"since":0,"retryAt":0,"key":"0101010101010101","by":"e1","addressRefusal":{"address":"a","at":1000}}"#;
    assert_eq!(serde_json::to_string(&after).unwrap(), text);
    assert_eq!(serde_json::from_str::<AccountEntry>(text).unwrap(), after);
}

proptest! {
    /// One call after the other, for addresses of which the provider refuses the first.
    #[test]
    fn one_refused_address_never_stops_the_fleet(
        addresses in prop::collection::vec(0_u8..4, 1..200),
        pauses in prop::collection::vec(1_i64..120_000, 200),
    ) {
        let (mut fleet, mut now, mut answered_at) = (None, 1_000, Some(999));
        for (address, pause) in addresses.into_iter().zip(pauses) {
            now += pause;
            if address > 0 {
                answered_at = Some(now);
            } else if answered_at.is_some_and(|at| now - at <= 600_000) {
                let ruling = call("0", now, answered_at).ruling(fleet.as_ref());
                prop_assert!(matches!(ruling, Ruling::Address(_)), "{ruling:?}");
                fleet = ruling.entry().cloned().or(fleet);
            }
        }
    }

    /// From some time on, the provider refuses all calls.
    #[test]
    fn refused_account_is_detected_by_the_second_address(
        answered_at in prop::option::of(0_i64..1_000),
        repeats in 1_i64..5,
    ) {
        let mut fleet = None;
        for number in 0..repeats {
            let refused = call("a", 2_000 + number, answered_at);
            fleet = refused.ruling(fleet.as_ref()).entry().cloned().or(fleet);
        }
        let ruling = call("b", 3_000, answered_at).ruling(fleet.as_ref());
        prop_assert!(matches!(ruling, Ruling::Account(_)), "{ruling:?}");
    }
}
