//! GUIDs and addresses are compared as what they name, however they are spelled.

use anyhow::{Result, ensure};
use e2e::Visitor;
use e2e::processes::{Pipeline, Role};
use simulator::world::{Kind, NEXACORE, VERTEXCLOUD};

const LUMEN: &str = "0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11";

fn spellings(guid: &str) -> Vec<String> {
    let simple = guid.replace('-', "");
    vec![
        guid.to_owned(),
        guid.to_uppercase(),
        simple.to_uppercase(),
        format!("{{{guid}}}"),
        format!("({})", guid.to_uppercase()),
        format!("urn:uuid:{guid}"),
        format!("URN:UUID:{simple}"),
        format!(" {guid}\t"),
        simple,
    ]
}

/// An answer about `ip`, which may be spelled as in the question or otherwise.
fn answer(ip: &str, guid: &str, domain: &str) -> Vec<u8> {
    let company = serde_json::json!({ "guid": guid, "name": "Lumen", "domain": domain });
    serde_json::json!({ "ip": ip, "data": { "company": company } })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn hidden_company_is_hidden_in_every_spelling_and_the_data_centres_with_it() -> Result<()> {
    let flag = format!("{{{}}},hidden.example,www.Bücher.example", LUMEN.to_uppercase());
    let site = Pipeline::builder()
        .flag(Role::Enricher, "--hide-companies", &flag)
        .flag(Role::Enricher, "--hidden-companies", "former.example")
        .start()
        .await?;
    let viewer = site.viewer_recording().await?;
    let guids = [NEXACORE, VERTEXCLOUD, LUMEN];
    let mut answers: Vec<_> = guids
        .iter()
        .flat_map(|guid| spellings(guid))
        .map(|guid| (guid, "lumen.example".to_owned()))
        .collect();
    for domain in [
        "hidden.example",
        "EU.Hidden.example.",
        "xn--bcher-kva.example",
        "https://www.former.example/",
    ] {
        answers.push(("C".to_owned(), domain.to_owned()));
    }
    let mut hidden = Vec::new();
    for (n, (guid, domain)) in (0..).zip(&answers) {
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        site.deanonymizer
            .answer_ip(&visitor.ip, &answer(&visitor.ip, guid, domain));
        hidden.push(visitor);
    }
    let shown = Visitor::from(&site.ip(Kind::Full, 1_000));
    site.deanonymizer
        .answer_ip(&shown.ip, &answer(&shown.ip, "D", "unhidden.example"));
    for visitor in hidden.iter().chain([&shown]) {
        site.send(&[visitor.opened(0)]);
    }
    site.shows(&shown).await?;
    viewer
        .sees("that nobody is being identified", |view| {
            view.stats.being_identified == 0
        })
        .await?;
    for visitor in &hidden {
        site.send(&[visitor.keep_alive(0)]);
    }
    site.settle().await?;
    assert_eq!(site.sessions().await?.len(), 1);
    for frame in viewer.frames() {
        for visitor in &hidden {
            ensure!(!frame.contains(&visitor.guid) && !frame.contains(&visitor.ip));
        }
    }
    viewer.missed_nothing()
}

#[tokio::test]
async fn session_and_company_are_one_in_every_spelling_of_their_guids() -> Result<()> {
    let site = Pipeline::start().await?;
    let usual = Visitor::from(&site.ip(Kind::Full, 1));
    let spelled: Vec<_> = spellings(&usual.guid)
        .into_iter()
        .map(|guid| Visitor {
            guid,
            ..usual.clone()
        })
        .collect();
    for visitor in &spelled {
        site.send(&[visitor.opened(4_000), visitor.keep_alive(0)]);
    }
    let plain = Visitor {
        guid: "visitor_7".to_owned(),
        ..usual.clone()
    };
    site.send(&[plain.opened(0)]);
    site.shows(&usual).await?;
    site.shows(&plain).await?;
    site.settle().await?;
    assert_eq!(site.sessions().await?.len(), 2);
    for closing in &spelled {
        site.send(&[closing.closed(0)]);
    }
    site.shows_no(&usual).await?;
    site.send(&[plain.closed(0)]);
    site.shows_no(&plain).await?;

    for (n, guid) in (10..).zip(spellings(LUMEN)) {
        let visitor = Visitor::from(&site.ip(Kind::Full, n));
        site.deanonymizer
            .answer_ip(&visitor.ip, &answer(&visitor.ip, &guid, "lumen.example"));
        site.send(&[visitor.opened(0)]);
        let company = site.shows(&visitor).await?.company;
        assert_eq!(
            company.map(|company| company.guid.clone()).as_deref(),
            Some(LUMEN)
        );
    }
    let view = site
        .viewer()
        .await?
        .sees("all visitors of the company", |view| {
            view.stats.active_sessions == 9
        })
        .await?;
    assert_eq!(view.stats.companies, 1);
    Ok(())
}

#[tokio::test]
async fn ipv4_address_in_ipv6_shares_a_lookup_and_is_asked_and_shown_as_spelled() -> Result<()> {
    let site = Pipeline::builder().with(Role::Enricher, 2).start().await?;
    let ip = site.ip(Kind::Full, 3);
    let mapped = format!("::FFFF:{ip}");
    site.deanonymizer
        .answer_ip(&ip, &answer(&ip, LUMEN, "lumen.example"));
    let first = Visitor::from(&mapped);
    site.send(&[first.opened(0)]);
    assert_eq!(*site.shows(&first).await?.ip, *mapped);
    let second = Visitor::from(&ip);
    site.send(&[second.opened(0)]);
    assert_eq!(*site.shows(&second).await?.ip, *ip);
    let calls = site.deanonymizer.calls_for(&ip);
    assert_eq!(calls.calls, 1);
    assert_eq!(calls.spellings, [mapped].into());
    Ok(())
}
