use super::*;

#[test]
fn only_calls_that_were_looked_at_are_paid() {
    for failure in [
        LookupFailure::AccountRefused(401, None),
        LookupFailure::AccountExhausted(402, None),
        LookupFailure::Queued(None),
        LookupFailure::KeyUnusable("gone".into()),
        LookupFailure::NotWanted,
    ] {
        assert!(!failure.is_paid(), "{failure}");
    }
    for failure in [
        LookupFailure::Timeout,
        LookupFailure::Status(500, None),
        LookupFailure::WrongForm,
        LookupFailure::Rejected(422, None),
    ] {
        assert!(failure.is_paid(), "{failure}");
    }
}

#[test]
fn queued_request_is_repeated_later() {
    let wait = Duration::from_secs(3);
    assert_eq!(
        LookupFailure::Queued(Some(wait)).retry(Timestamp::from_unix_ms(0)),
        RetryKind::Queued(wait)
    );
    assert_eq!(
        LookupFailure::Queued(None).retry(Timestamp::from_unix_ms(0)),
        RetryKind::Queued(QUEUED_PAUSE)
    );
}

#[test]
fn an_account_that_is_refused_or_exhausted_is_named() {
    for (failure, account) in [
        (LookupFailure::AccountRefused(401, None), Account::Refused),
        (LookupFailure::AccountExhausted(402, None), Account::Exhausted),
    ] {
        let refusal = failure.refusal().unwrap();
        assert_eq!((refusal.account, failure.pause()), (account, None));
        assert_eq!(refusal.to_string(), failure.to_string());
    }
    assert_eq!(LookupFailure::Status(500, None).refusal(), None);
}

#[test]
fn retry_after_pauses_the_fleet_unless_it_concerns_one_address_or_the_account() {
    let wait = Duration::from_mins(7);
    for failure in [
        LookupFailure::RateLimited(Some(wait)),
        LookupFailure::Status(500, Some(wait)),
        LookupFailure::Status(503, Some(wait)),
        LookupFailure::Status(302, Some(wait)),
    ] {
        assert_eq!(failure.pause(), Some(wait), "{failure}");
    }
    for failure in [
        LookupFailure::Rejected(400, Some(wait)),
        LookupFailure::Queued(Some(wait)),
        LookupFailure::AccountRefused(401, Some(wait)),
        LookupFailure::AccountExhausted(402, Some(wait)),
    ] {
        assert_eq!(
            (failure.pause(), failure.retry_after()),
            (None, Some(wait)),
            "{failure}"
        );
    }
    let rejected = LookupFailure::Rejected(400, Some(wait)).unusable();
    assert_eq!(
        rejected,
        Some(Unusable::Rejected {
            retry_after: Some(wait)
        })
    );
}

#[test]
fn unreadable_answer_counts_as_damaged_in_transit() {
    assert_eq!(LookupFailure::NotJson.unusable(), Some(Unusable::Damaged));
    for failure in [
        LookupFailure::WrongForm,
        LookupFailure::OtherIp,
        LookupFailure::TooLarge,
    ] {
        assert_eq!(failure.unusable(), Some(Unusable::Malformed), "{failure}");
    }
}

#[test]
fn every_way_in_which_a_call_fails_has_a_label() {
    for failure in [
        LookupFailure::Timeout,
        LookupFailure::RateLimited(None),
        LookupFailure::Status(500, None),
        LookupFailure::AccountRefused(401, None),
        LookupFailure::AccountExhausted(402, None),
        LookupFailure::Rejected(400, None),
        LookupFailure::Queued(None),
        LookupFailure::KeyUnusable("gone".into()),
        LookupFailure::NotJson,
        LookupFailure::WrongForm,
        LookupFailure::OtherIp,
        LookupFailure::TooLarge,
    ] {
        assert!(LookupFailure::TOKENS.contains(&failure.token()));
    }
}

#[test]
fn outage_is_how_a_call_failed_that_counts_against_the_provider() {
    for (failure, outage) in [
        (LookupFailure::Timeout, Some(Outage::Silent)),
        (LookupFailure::RateLimited(None), Some(Outage::RateLimited)),
        (LookupFailure::Status(503, None), Some(Outage::Status(503))),
        (LookupFailure::NotJson, None),
        (LookupFailure::AccountRefused(401, None), None),
        (LookupFailure::Queued(None), None),
        (LookupFailure::NotWanted, None),
    ] {
        assert_eq!(failure.outage(), outage, "{failure}");
    }
}
