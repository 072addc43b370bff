use protocol::Company;

use super::*;
use crate::arrivals::arrival::Arrival;
use crate::cooldown::claim::{GIVE_UP_AFTER, State};

const NOW: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);
const HOUR: Duration = Duration::from_hours(1);

fn company(guid: &str, domain: &str) -> Company {
    Company {
        guid: guid.into(),
        name: "Lumen".into(),
        domain: domain.into(),
    }
}

fn arrival(guid: &str) -> Arrival {
    Arrival {
        guid: Guid::new(guid).unwrap(),
        company: company("c", "lumen.example"),
        contact: None,
        network: None,
        country: None,
        page: None,
        referrer: None,
        opened_at: NOW,
        seen_at: NOW,
    }
}

fn key(n: u8) -> CompanyKey {
    CompanyKey::of(&company(&format!("company-{n}"), "x.example"))
}

#[test]
fn a_company_has_one_key_in_any_spelling() {
    let spellings = [
        "0D6CF1B5-6E0F-4C1E-9B42-2B1F6E9E7A11",
        "{0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11}",
        "0d6cf1b56e0f4c1e9b422b1f6e9e7a11",
    ];
    let keys = spellings.map(|guid| CompanyKey::of(&company(guid, "a.example")));
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!(CompanyKey::parse(keys[0].as_str()), Some(keys[0].clone()));
    assert_ne!(CompanyKey::of(&company("other", "a.example")), keys[0]);
    assert_ne!(
        CompanyKey::of(&company("", "a.example")),
        CompanyKey::of(&company(" ", "b.example"))
    );
    for no_key in ["sender", "", "ABCDEF00000000000000000000000000"] {
        assert_eq!(CompanyKey::parse(no_key), None, "{no_key}");
    }
}

#[test]
fn a_claim_covers_arrivals_until_the_cooldown_is_over() {
    let waiting = Claim::new(arrival("a"), NOW);
    assert!(waiting.covers(NOW + 2 * HOUR, HOUR));
    let announced = waiting.announced(NOW + 5);
    assert!(announced.covers(NOW, HOUR), "it came before the message");
    assert!(announced.covers(NOW + 5 + HOUR - 1, HOUR));
    assert!(!announced.covers(NOW + 5 + HOUR, HOUR));
    assert_eq!(announced.id, waiting.id);
}

#[test]
fn a_claim_stays_longer_than_it_counts() {
    let waiting = Claim::new(arrival("a"), NOW);
    assert!(waiting.ttl(NOW, HOUR) > Some(GIVE_UP_AFTER));
    assert!(!waiting.is_given_up(NOW + GIVE_UP_AFTER - 1));
    assert!(waiting.is_given_up(NOW + GIVE_UP_AFTER));
    let announced = waiting.announced(NOW);
    assert!(announced.ttl(NOW, Duration::from_secs(2)) > Some(Duration::from_secs(2)));
    assert_eq!(announced.ttl(NOW + 2 * HOUR, HOUR), None);
    assert!(!announced.is_given_up(Timestamp::from_unix_ms(i64::MAX / 2)));
}

#[test]
fn claims_wait_in_order_until_they_are_announced_or_gone() {
    let mut claims = Claims::new(HOUR);
    claims.heard(key(1), Claim::new(arrival("a"), NOW + 2), 1);
    claims.heard(key(2), Claim::new(arrival("b"), NOW + 1), 2);
    let order = |claims: &Claims| -> Vec<_> { claims.waiting().map(|(key, _)| key.clone()).collect() };
    assert_eq!(order(&claims), [key(2), key(1)]);
    assert_eq!(claims.waiting_of(&Guid::new("a").unwrap()), Some(&key(1)));
    let announced = Claim::new(arrival("b"), NOW + 1).announced(NOW + 3);
    claims.heard(key(2), announced, 3);
    assert_eq!(order(&claims), [key(1)]);
    // An older message comes late.
    claims.heard(key(2), Claim::new(arrival("b"), NOW + 1), 2);
    assert_eq!(order(&claims), [key(1)]);
    claims.gone(&key(1), 0);
    assert_eq!(claims.waiting_count(), 1);
    claims.gone(&key(1), 4);
    assert_eq!(claims.waiting_count(), 0);
    assert!(!claims.covers(&key(1), NOW));
    assert!(claims.covers(&key(2), NOW));
}

#[test]
fn content_of_a_lost_bucket_is_restored() {
    let mut claims = Claims::new(HOUR);
    claims.heard(key(1), Claim::new(arrival("a"), NOW), 7);
    assert!(claims.all().is_empty());
    assert_eq!(claims.expected(NOW), 1);
    claims.lost();
    assert_eq!(claims.all().len(), 1);
    assert_eq!(claims.expected(NOW), 0);
    assert!(claims.covers(&key(1), NOW), "it counts meanwhile");
    claims.heard(key(1), Claim::new(arrival("a"), NOW).announced(NOW), 1);
    assert!(claims.all().is_empty());
    claims.forget_expired(NOW + 3 * HOUR);
    assert!(claims.get(&key(1)).is_none());
}

#[test]
fn announced_claim_never_becomes_waiting_again() {
    let mut claims = Claims::new(HOUR);
    let waiting = Claim::new(arrival("a"), NOW);
    claims.heard(key(1), waiting.announced(NOW + 1), 7);
    // The message that marks the claim as being sent arrives after the receiver's answer.
    claims.heard(key(1), waiting.clone(), 7);
    assert_eq!(claims.waiting_count(), 0);
    // Another notifier has put back what it knew.
    claims.lost();
    claims.heard(key(1), waiting, 1);
    assert_eq!(claims.waiting_count(), 0);
    assert_eq!(claims.all().len(), 1, "it is put back");
    let earlier = Claim::new(arrival("b"), NOW - 5).announced(NOW - 4);
    claims.heard(key(1), earlier, 2);
    assert!(claims.covers(&key(1), NOW + HOUR));
}

#[test]
fn the_form_of_claims_is_frozen() {
    let claim = Claim::new(arrival("a"), NOW);
    let json = serde_json::to_value(&claim).unwrap();
    assert_eq!(json["state"], "waiting");
    assert_eq!(json["arrival"]["company"]["domain"], "lumen.example");
    assert_eq!(serde_json::from_value::<Claim>(json).unwrap(), claim);
    let announced = serde_json::to_value(claim.announced(NOW)).unwrap();
    assert_eq!(announced["state"], "told");
    assert!(
        announced.get("arrival").is_none(),
        "an announced arrival is not kept"
    );
    assert!(matches!(
        serde_json::from_value::<Claim>(announced).unwrap().state,
        State::Announced { at: NOW }
    ));
}
