use super::*;
use proptest::prelude::*;
use protocol::Millis;
use protocol::time::unix_ms;

const RETRY: Duration = Duration::from_mins(1);
const MINUTE: Millis = 60_000;

fn key(name: u8) -> KeyTag {
    KeyTag::new([name; 8])
}

fn entry(state: Account, since: Timestamp, used: u8) -> AccountEntry {
    AccountEntry {
        state,
        status: 401,
        since,
        retry_at: since + MINUTE,
        key: key(used),
        by: "e1".into(),
        address_refusal: None,
    }
}

fn refused(used: u8) -> AccountEntry {
    entry(Account::Refused, unix_ms(0), used)
}

#[test]
fn nobody_calls_until_the_probe_is_due() {
    let (mut state, now) = (AccountState::default(), Instant::now());
    assert_eq!(state.call(now), Call::Free);
    assert!(!state.knows(&refused(1)));
    state.refused(refused(1), now, RETRY);
    let refusal = refused(1).refusal().unwrap();
    assert_eq!(state.call(now), Call::Held(refusal));
    assert_eq!(state.call(now + RETRY), Call::Probe { untried: false });
    assert!(state.knows(&refused(1)));
    state.probing(refused(1), now + RETRY, RETRY);
    assert_eq!(state.call(now + RETRY), Call::Held(refusal));
    state.accepted(now + RETRY);
    assert_eq!(state.call(now + RETRY), Call::Free);
    assert_eq!(state.refusal(), None);
}

#[test]
fn refusal_of_a_call_that_began_before_the_account_was_accepted_says_nothing() {
    let (mut state, began) = (AccountState::default(), Instant::now());
    let later = began + Duration::from_secs(1);
    state.refused(refused(1), began, RETRY);
    state.accepted(later);
    assert!(state.was_accepted_after(began));
    assert!(!state.was_accepted_after(later + RETRY));
    assert_eq!(state.call(later), Call::Free);
}

#[test]
fn probe_with_a_refused_address_leaves_precedence_to_others() {
    let (mut state, now) = (AccountState::default(), Instant::now());
    assert!(state.admits_refused(now));
    state.has_key(key(1));
    state.refused(refused(1), now, RETRY);
    assert_eq!(state.call(now + RETRY), Call::Probe { untried: false });
    assert!(!state.admits_refused(now + RETRY));
    assert!(state.admits_refused(now + RETRY + PRECEDENCE));
    state.has_key(key(2));
    assert!(state.admits_refused(now), "the key may have been the reason");
    state.accepted(now);
    assert!(state.admits_refused(now));
}

#[test]
fn answers_are_remembered_by_key() {
    let mut state = AccountState::default();
    state.answered(key(1), unix_ms(10));
    state.fleet_answered(unix_ms(20));
    state.fleet_answered(unix_ms(5));
    assert_eq!(state.accepted_with(&key(1)), Some(unix_ms(10)));
    assert_eq!(state.accepted_with(&key(2)), None);
    assert_eq!(state.answered_at(), Some(unix_ms(20)));
}

#[test]
fn enricher_hears_how_the_account_stands() {
    let (mut state, now) = (AccountState::default(), Instant::now());
    assert!(!state.is_known());
    state.learn(Some(refused(1)), RETRY, now);
    assert!(state.is_known() && matches!(state.call(now), Call::Held(_)));
    state.learn(Some(entry(Account::Ok, unix_ms(5), 1)), Duration::ZERO, now);
    assert_eq!(state.call(now), Call::Free);
}

#[test]
fn another_key_is_tried_at_once_and_no_more_than_once() {
    let (mut state, now) = (AccountState::default(), Instant::now());
    state.has_key(key(1));
    state.refused(refused(1), now, RETRY);
    assert!(matches!(state.call(now), Call::Held(_)));
    state.has_key(key(2));
    assert_eq!(state.call(now), Call::Probe { untried: true });
    assert_eq!(state.refusal(), None, "nothing is known against this key");
    let claimed = refused(1)
        .probe(&key(2), true, &"e2".into(), unix_ms(10), RETRY)
        .unwrap();
    assert_eq!((claimed.retry_at, &claimed.key), (unix_ms(10) + MINUTE, &key(2)));
    assert_eq!(
        claimed.probe(&key(2), true, &"e3".into(), unix_ms(20), RETRY),
        None,
        "another enricher tries the same key"
    );
    state.probing(claimed, now, RETRY);
    // An enricher that has the first key still is refused again.
    state.learn(Some(refused(1)), RETRY, now);
    assert!(
        matches!(state.call(now), Call::Held(_)),
        "no enricher outdoes another"
    );
}

#[test]
fn account_stays_refused_since_it_was_first() {
    let (first, again) = (refused(1), entry(Account::Refused, unix_ms(500), 1));
    let merged = first.refused_again(again);
    assert_eq!(
        (merged.since, merged.retry_at),
        (unix_ms(0), unix_ms(500) + MINUTE)
    );
    let exhausted = entry(Account::Exhausted, unix_ms(500), 1);
    assert_eq!(first.refused_again(exhausted.clone()), exhausted);
}

#[test]
fn clock_that_was_put_back_holds_up_no_probe() {
    let late = entry(Account::Refused, unix_ms(3_600_000), 1);
    assert!(
        late.probe(&key(1), false, &"e1".into(), unix_ms(0), RETRY)
            .is_some()
    );
    assert_eq!(late.wait(unix_ms(0), RETRY), LONGEST_RETRY_AFTER);
}

#[test]
fn retry_after_lengthens_the_time_until_the_probe() {
    let now = Instant::now();
    let (mut state, wait) = (AccountState::default(), Duration::from_mins(5));
    let entry = AccountEntry {
        retry_at: unix_ms(5 * MINUTE),
        ..refused(1)
    };
    state.refused(entry.clone(), now, wait);
    assert!(matches!(state.call(now + RETRY), Call::Held(_)));
    assert_eq!(state.call(now + wait), Call::Probe { untried: false });
    let by = "e2".into();
    assert_eq!(
        entry.probe(&key(1), false, &by, unix_ms(5 * MINUTE - 1), RETRY),
        None
    );
    assert!(
        entry
            .probe(&key(1), false, &by, unix_ms(5 * MINUTE), RETRY)
            .is_some()
    );
    assert_eq!(entry.wait(unix_ms(0), RETRY), wait);
    let shorter = entry.refused_again(refused(1));
    assert_eq!(
        shorter.retry_at,
        unix_ms(5 * MINUTE),
        "calls under way shorten nothing"
    );
}

#[test]
fn wire_form() {
    let text =
        r#"{"state":"refused","status":401,"since":0,"retryAt":60000,"key":"0101010101010101","by":"e1"}"#;
    assert_eq!(serde_json::to_string(&refused(1)).unwrap(), text);
    assert_eq!(serde_json::from_str::<AccountEntry>(text).unwrap(), refused(1));
}

#[test]
fn advice_says_what_happened_what_it_means_and_what_to_do() {
    let refusal = |account, status| Refusal { account, status };
    assert_eq!(
        refusal(Account::Refused, 401).advice(true),
        "The Deanonymizer refused our key (401). New visitors are not identified until DEANONYMIZER_KEY_FILE holds a valid key."
    );
    for (account, has_key_file, part) in [
        (Account::Refused, false, "names a file with a valid key"),
        (Account::Exhausted, true, "exhausted (402)"),
    ] {
        let advice = refusal(account, 402).advice(has_key_file);
        assert!(advice.contains(part), "{advice}");
    }
}

proptest! {
    /// However many enrichers try at whatever times, and are killed after they have taken the probe.
    #[test]
    fn one_probe_per_retry_for_the_whole_fleet(
        tries in prop::collection::vec((0_u8..4, 0_i64..20_000), 1..200),
    ) {
        let (mut fleet, mut now, mut probes) = (refused(1), unix_ms(0), Vec::new());
        for (enricher, pause) in tries {
            now += pause;
            let by = format!("e{enricher}").into();
            if let Some(claimed) = fleet.probe(&key(1), true, &by, now, RETRY) {
                fleet = claimed;
                probes.push(now);
            }
        }
        prop_assert!(probes.first().is_none_or(|first| *first >= unix_ms(MINUTE)));
        prop_assert!(probes.windows(2).all(|pair| pair[1] - pair[0] >= MINUTE), "{probes:?}");
    }
}
