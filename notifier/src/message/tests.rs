use proptest::prelude::*;
use protocol::page::Page;
use protocol::{Company, Contact, Guid};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);

fn arrival(name: &str) -> Arrival {
    Arrival {
        guid: Guid::new("0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11").unwrap(),
        company: Company {
            guid: "c".into(),
            name: name.into(),
            domain: "lumen.example".into(),
        },
        contact: Some(Contact {
            guid: "p".into(),
            name: name.into(),
            title: Some(name.into()),
            email_addresses: vec!["ada@lumen.example".into()],
            phone_numbers: vec!["+49 30 1234".into()],
        }),
        network: Some(name.into()),
        country: Some("DE".into()),
        page: Some(Page {
            url: "https://shop.example/pricing".into(),
            title: name.into(),
        }),
        referrer: Some("https://search.example/".into()),
        opened_at: NOW - 5,
        seen_at: NOW,
    }
}

fn announced(name: &str) -> AnnouncedArrival {
    AnnouncedArrival {
        id: "arrival_1".into(),
        arrival: arrival(name),
    }
}

fn rendered(format: Format, arrivals: &[AnnouncedArrival]) -> Value {
    let page_url = Some(Url::parse("https://visitors.example/").unwrap());
    Messages { format, page_url }.render(arrivals, NOW)
}

#[test]
fn json_says_everything() {
    let message = rendered(Format::Json, &[announced("Lumen & Sons")]);
    assert_eq!(message["type"], "company.arrived");
    assert_eq!(message["timestamp"], "2025-06-15T15:06:40Z");
    let arrival = &message["data"]["arrivals"][0];
    assert_eq!(arrival["id"], "arrival_1");
    assert_eq!(arrival["session"], "0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11");
    assert_eq!(arrival["openedAt"], (NOW - 5).unix_ms());
    assert_eq!(arrival["company"]["name"], "Lumen & Sons");
    assert_eq!(arrival["contact"]["emailAddresses"][0], "ada@lumen.example");
    assert_eq!(arrival["country"], "DE");
    assert_eq!(arrival["page"]["url"], "https://shop.example/pricing");
    assert_eq!(
        arrival["link"],
        "https://visitors.example/?visitor=0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11"
    );
    let unknown = AnnouncedArrival {
        arrival: Arrival {
            contact: None,
            country: None,
            ..arrival_of_nobody()
        },
        ..announced("x")
    };
    let message = Messages {
        format: Format::Json,
        page_url: None,
    }
    .render(&[unknown], NOW);
    let arrival = &message["data"]["arrivals"][0];
    assert!(arrival["contact"].is_null());
    for absent in ["country", "network", "page", "referrer", "link"] {
        assert!(arrival.get(absent).is_none(), "{absent}");
    }
}

fn arrival_of_nobody() -> Arrival {
    Arrival {
        network: None,
        page: None,
        referrer: None,
        ..arrival("x")
    }
}

#[test]
fn slack_gets_a_text_and_a_section_per_arrival() {
    let message = rendered(Format::Slack, &[announced("Lumen & Sons"), announced("Varga")]);
    assert_eq!(message["text"], "Lumen &amp; Sons and Varga are on the website");
    let blocks = message["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 2);
    assert_eq!(blocks[0]["type"], "section");
    assert_eq!(blocks[0]["text"]["type"], "mrkdwn");
    let text = blocks[0]["text"]["text"].as_str().unwrap();
    for part in [
        "*Lumen &amp; Sons* is on the website",
        "\nEmail: ada@lumen.example",
        "\nPhone: +49 30 1234",
        "\nFrom: DE, Lumen &amp; Sons",
        "\nPage: Lumen &amp; Sons (https://shop.example/pricing)",
        "\n<https://visitors.example/?visitor=0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11|Open the visitor>",
    ] {
        assert!(text.contains(part), "{part:?} in {text:?}");
    }
}

#[test]
fn teams_gets_an_adaptive_card() {
    let message = rendered(Format::Teams, &[announced("Lumen & *Sons*")]);
    assert_eq!(message["type"], "message");
    let attachment = &message["attachments"][0];
    assert_eq!(
        attachment["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    let card = &attachment["content"];
    assert_eq!(card["type"], "AdaptiveCard");
    assert_eq!(card["version"], "1.4");
    let items = card["body"][0]["items"].as_array().unwrap();
    assert_eq!(items[0]["inlines"][0]["text"], "Lumen & *Sons*");
    let (action, texts) = items.split_last().unwrap();
    assert!(texts.iter().all(|item| item["type"] == "RichTextBlock"));
    assert_eq!(action["actions"][0]["type"], "Action.OpenUrl");
    assert_eq!(
        action["actions"][0]["url"],
        "https://visitors.example/?visitor=0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11"
    );
}

#[test]
fn names_cannot_inject_markup_or_lines() {
    for name in [
        "<!channel> & <@U123>",
        "<https://evil.example|Open the visitor>",
        "a*b*`c`~d~\nPage: evil",
        "\u{202e}nemuL\u{200b}",
    ] {
        let message = rendered(Format::Slack, &[announced(name)]);
        let texts = [&message["text"], &message["blocks"][0]["text"]["text"]];
        for text in texts.map(|text| text.as_str().unwrap()) {
            let ours = text.rsplit_once("\n<").map_or(text, |(before, _)| before);
            assert!(
                !ours.contains(['<', '>', '`', '~', '\u{202e}', '\u{200b}']),
                "{text:?}"
            );
            assert!(!ours.contains("\nPage: evil"), "{text:?}");
            assert!(ours.matches('*').count() <= 2, "{text:?}");
        }
        let card = rendered(Format::Teams, &[announced(name)]).to_string();
        assert!(
            !card.contains("TextBlock\"") || card.contains("RichTextBlock"),
            "{card}"
        );
        assert!(!card.contains("\\nPage: evil"), "{card}");
    }
}

#[test]
fn many_arrivals_are_summed_up() {
    let many: Vec<_> = (0..5).map(|n| announced(&format!("Company {n}"))).collect();
    let message = rendered(Format::Slack, &many);
    assert_eq!(
        message["text"],
        "Company 0, Company 1 and 3 more are on the website"
    );
}

proptest! {
    #[test]
    fn every_message_keeps_to_the_limits(name in "\\PC{0,400}", count in 1..=MAX_ARRIVALS) {
        let many: Vec<_> = (0..count).map(|_| announced(&name)).collect();
        let slack = rendered(Format::Slack, &many);
        prop_assert!(slack["blocks"].as_array().unwrap().len() <= 50);
        for block in slack["blocks"].as_array().unwrap() {
            let text = block["text"]["text"].as_str().unwrap();
            prop_assert!(!text.is_empty() && text.chars().count() <= 3_000);
            let ours = text.rsplit_once("\n<").unwrap().0;
            prop_assert!(!ours.contains(['<', '>']));
        }
        prop_assert!(rendered(Format::Teams, &many).to_string().chars().count() <= 56 * 1024);
    }
}
