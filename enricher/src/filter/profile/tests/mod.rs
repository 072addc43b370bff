//! Tests of the filter.

mod hostile;
mod personal_mail;

use super::*;
use protocol::record::Company;

const NEXA_CORE: &str = "b8e8879e-3382-4908-8f1e-7638473d0913";

fn company(guid: &str) -> Company {
    Company {
        guid: guid.into(),
        name: "Lumen".into(),
        domain: "lumen.example".into(),
    }
}

fn contact(email_addresses: &[&str]) -> Contact {
    Contact {
        guid: "P".into(),
        name: "Ada Quill".into(),
        title: Some("CTO".into()),
        email_addresses: email_addresses.iter().map(ToString::to_string).collect(),
        phone_numbers: vec!["+1-202-555-0173".into(), "ada@gmail.com".into()],
    }
}

fn shown(answer: Answer) -> Profile {
    filter(answer, &HiddenCompanies::new([])).profile().unwrap()
}

#[test]
fn hidden_companies_in_any_spelling() {
    let hidden = HiddenCompanies::new([]);
    for guid in [
        NEXA_CORE.to_owned(),
        NEXA_CORE.to_uppercase(),
        format!(" {NEXA_CORE} "),
        format!("{{{NEXA_CORE}}}"),
    ] {
        let answer = Answer {
            company: Some(company(&guid)),
            contact: Some(contact(&[])),
        };
        assert_eq!(filter(answer, &hidden), Verdict::Hidden);
    }
    assert_ne!(
        filter(
            Answer {
                company: Some(company("other")),
                contact: None
            },
            &hidden
        ),
        Verdict::Hidden
    );
}

#[test]
fn unknown_without_company_and_contact() {
    let hidden = HiddenCompanies::new([]);
    assert_eq!(filter(Answer::default(), &hidden), Verdict::Unknown);
    assert_eq!(Verdict::Unknown.profile(), Some(Profile::default()));
}

#[test]
fn contact_keeps_its_business_addresses() {
    let answer = Answer {
        company: None,
        contact: Some(contact(&[
            "a@gmail.com",
            "Ada <ada@lumen.example>",
            "nonsense",
            "ada@lumen.example",
        ])),
    };
    let contact = shown(answer).contact.unwrap();
    assert_eq!(contact.email_addresses, ["ada@lumen.example"]);
    assert_eq!(contact.phone_numbers, ["+1-202-555-0173"]);
    assert_eq!(contact.title.as_deref(), Some("CTO"));
}

#[test]
fn contact_with_only_personal_addresses_is_shown_without_them() {
    let answer = Answer {
        company: Some(company("C")),
        contact: Some(contact(&["a@aol.com"])),
    };
    assert!(shown(answer).contact.unwrap().email_addresses.is_empty());
}

#[test]
fn personal_addresses_in_other_fields() {
    let mut odd = contact(&[]);
    odd.title = Some("write to ada@gmail.com".into());
    let answer = Answer {
        company: None,
        contact: Some(odd.clone()),
    };
    assert_eq!(shown(answer).contact.unwrap().title, None);
    odd.name = "ada@gmail.com".into();
    assert_eq!(
        shown(Answer {
            company: Some(company("C")),
            contact: Some(odd)
        })
        .contact,
        None
    );
}
