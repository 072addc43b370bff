use std::collections::HashSet;

use proptest::prelude::*;
use strum::VariantArray;

use super::*;

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::VARIANTS)
}

proptest! {
    #[test]
    fn the_nth_address_of_a_kind_is_of_that_kind(seed: u64, kind in any_kind(), n: u32) {
        let world = World::new(seed);
        prop_assert_eq!(world.kind_of(&world.ip(kind, n)), kind);
        prop_assert_eq!(world.kind_of(&world.ipv6(kind, n)), kind);
    }

    #[test]
    fn every_spelling_has_the_same_answer(seed: u64, segments: [u16; 8]) {
        let world = World::new(seed);
        let address = std::net::Ipv6Addr::from(segments).to_string();
        for spelling in address::spellings(&address) {
            prop_assert_eq!(world.answer(&spelling), world.answer(&address));
        }
    }

    #[test]
    fn any_text_has_an_answer_and_always_the_same(seed: u64, ip: String) {
        prop_assert_eq!(World::new(seed).answer(&ip), World::new(seed).answer(&ip));
    }

    #[test]
    fn answers_are_of_their_kind(seed: u64, kind in any_kind(), n in 0_u32..10_000) {
        let world = World::new(seed);
        let answer = world.answer(&world.ip(kind, n));
        let company = answer.company().map(|company| company.guid.to_lowercase());
        match kind {
            Kind::NexaCore => prop_assert_eq!(company.as_deref(), Some(NEXACORE)),
            Kind::VertexCloud => prop_assert_eq!(company.as_deref(), Some(VERTEXCLOUD)),
            Kind::CompanyOnly | Kind::Full | Kind::MixedEmails | Kind::PersonalEmails | Kind::NoEmails => {
                prop_assert!(company.is_some());
            }
            Kind::ContactOnly | Kind::Empty | Kind::Unknown => prop_assert_eq!(company, None),
        }
        prop_assert_eq!(kind == Kind::Unknown, answer == Answer::NotFound);
        if let Some(contact) = answer.contact() {
            let all = contact.email_addresses.clone().unwrap_or_default();
            prop_assert_eq!(kind == Kind::NoEmails, contact.email_addresses.is_none());
            prop_assert_eq!(kind == Kind::PersonalEmails, contact.business_addresses.is_empty() && !all.is_empty());
            prop_assert!(contact.business_addresses.iter().all(|address| all.contains(address)));
            prop_assert_eq!(all.len() > contact.business_addresses.len(),
                matches!(kind, Kind::MixedEmails | Kind::PersonalEmails) || kind.is_data_centre());
        }
    }

    #[test]
    fn invalid_addresses_are_invalid(n: u32) {
        prop_assert!(World::new(1).invalid_ip(n).parse::<std::net::IpAddr>().is_err());
    }
}

#[test]
fn addresses_do_not_repeat() {
    let world = World::new(7);
    let distinct: HashSet<_> = (0..50_000).map(|n| world.ip(Kind::Full, n)).collect();
    assert_eq!(distinct.len(), 50_000);
}

#[test]
fn seeds_differ() {
    let answers: HashSet<_> = (0..20)
        .map(|seed| format!("{:?}", World::new(seed).answer("203.225.30.200")))
        .collect();
    assert!(answers.len() > 10);
}

#[test]
fn companies_have_several_visitors() {
    let world = World::new(7);
    let guids =
        (0..1_000).filter_map(|n| Some(world.answer(&world.ip(Kind::Full, n)).company()?.guid.clone()));
    let distinct: HashSet<_> = guids.collect();
    assert!((100..=300).contains(&distinct.len()), "{}", distinct.len());
}

#[test]
fn hot_addresses_are_few_and_of_the_kinds_asked_for() {
    let world = World::new(7);
    let kinds = [Kind::Full, Kind::NexaCore];
    let distinct: HashSet<_> = (0..1_000).map(|n| world.hot_ip(&kinds, n)).collect();
    assert_eq!(distinct.len(), 20);
    assert!(distinct.iter().all(|ip| kinds.contains(&world.kind_of(ip))));
}

#[test]
fn spellings_of_a_compressible_address() {
    let all = address::spellings("2001:db8::fa:0:a");
    assert_eq!(all.len(), 5);
    assert_eq!(all[0], "2001:db8::fa:0:a");
    for spelling in [
        "2001:0DB8:0000:0000:0000:00FA:0000:000A",
        "2001:db8:0:0:0:fa:0:a",
        "2001:DB8::FA:0:A",
    ] {
        assert!(all.iter().any(|one| one == spelling), "{spelling} in {all:?}");
    }
    assert_eq!(address::spellings("185.242.274.177"), ["185.242.274.177"]);
}

#[test]
fn absent_fields_are_absent_in_the_json() {
    let answer = Answer::Found {
        company: None,
        contact: None,
    };
    assert_eq!(
        answer.body("1.2.3.4"),
        Some(serde_json::json!({ "ip": "1.2.3.4", "data": {} }))
    );
    assert_eq!(Answer::NotFound.body("1.2.3.4"), None);
}

/// The company's name and the contact's title behind the first addresses.
fn texts(world: World) -> Vec<String> {
    let answers = (0..500).map(|n| world.answer(&world.ip(Kind::Full, n)));
    answers
        .flat_map(|answer| {
            let company = answer.company().map(|company| company.name.clone());
            let title = answer.contact().and_then(|contact| contact.title.clone());
            [company, title]
        })
        .flatten()
        .collect()
}

#[test]
fn names_are_hostile_only_where_asked_for() {
    let is_hostile = |text: &&String| text.contains(['<', '"', '{', '=', ';']);
    assert_eq!(texts(World::new(7)).iter().find(is_hostile), None);
    let hostile = texts(World::new(7).with_hostile_names(true));
    assert!(hostile.iter().filter(is_hostile).count() > 200);
}

#[test]
fn hostile_names_change_nothing_else() {
    let (plain, hostile) = (World::new(7), World::new(7).with_hostile_names(true));
    for n in 0..100 {
        let ip = plain.ip(Kind::Full, n);
        let known = |world: World| {
            world
                .answer(&ip)
                .company()
                .map(|it| (it.guid.clone(), it.domain.clone()))
        };
        assert_eq!(known(plain), known(hostile));
    }
}

#[test]
fn every_company_has_a_domain_of_its_own() {
    let world = World::new(7);
    let companies: HashSet<_> = (0..5_000)
        .filter_map(|n| {
            let answer = world.answer(&world.ip(Kind::Full, n));
            let company = answer.company()?;
            Some((company.guid.clone(), company.domain.clone()))
        })
        .collect();
    let domains: HashSet<_> = companies.iter().map(|(_, domain)| domain).collect();
    assert_eq!(domains.len(), companies.len());
    assert!(domains.iter().all(|domain| domain.is_ascii()));
}
