//! The filter: turns an answer into a verdict that holds only what may be shown. Pure.

use std::sync::Arc;

use protocol::Profile;
use protocol::record::Contact;

use crate::filter::answer::Answer;
use crate::filter::email;
use crate::filter::hidden_companies::HiddenCompanies;
use crate::verdict::Verdict;

/// Removes what must not be shown. Nothing else decides this: a profile that other rules filtered goes through it
/// again as an [`Answer`]. Filtering twice changes nothing.
pub fn filter(answer: Answer, hidden: &HiddenCompanies) -> Verdict {
    let Answer { company, contact } = answer;
    if company.as_ref().is_some_and(|company| hidden.hides(company)) {
        return Verdict::Hidden;
    }
    if company.is_none() && contact.is_none() {
        return Verdict::Unknown;
    }
    let contact = contact.and_then(presentable);
    let company =
        company.filter(|company| !mentions_personal([&company.guid, &company.name, &company.domain]));
    Verdict::Shown(Profile {
        company: company.map(Arc::new),
        contact: contact.map(Arc::new),
        ..Profile::default()
    })
}

fn mentions_personal<const N: usize>(texts: [&String; N]) -> bool {
    texts.into_iter().any(|text| email::mentions_personal(text))
}

/// The contact with business addresses only. `None` if its name is a personal address.
fn presentable(contact: Contact) -> Option<Contact> {
    if mentions_personal([&contact.guid, &contact.name]) {
        return None;
    }
    let mut business: Vec<String> = Vec::new();
    for address in contact
        .email_addresses
        .iter()
        .flat_map(|text| email::business_addresses(text))
    {
        if !business.contains(&address) {
            business.push(address);
        }
    }
    Some(Contact {
        title: contact.title.filter(|title| !email::mentions_personal(title)),
        email_addresses: business,
        phone_numbers: contact
            .phone_numbers
            .into_iter()
            .filter(|number| !email::mentions_address(number))
            .collect(),
        ..contact
    })
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod personal_mail;

#[cfg(test)]
mod tests {
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
}
