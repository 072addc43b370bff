//! Compares a view with what is expected.

use std::collections::BTreeMap;

use protocol::frame::VisibleSession;
use simulator::world::{Answer, World};

use crate::oracle::difference::Difference;
use crate::oracle::expected::{ExpectedSession, ExpectedView};

impl ExpectedView {
    /// How the sessions that are shown differ from the expected ones.
    #[must_use]
    pub fn differences(&self, shown: &BTreeMap<String, VisibleSession>) -> Vec<Difference> {
        let ghosts = shown.keys().filter(|guid| !self.sessions.contains_key(*guid));
        let mut differences: Vec<_> = ghosts.cloned().map(Difference::Ghost).collect();
        for (guid, expected) in &self.sessions {
            match shown.get(guid) {
                None if expected.may_be_missing => {}
                None => differences.push(Difference::Missing(guid.clone())),
                Some(session) => differences.extend(wrong(expected, session, self.identities)),
            }
        }
        differences
    }
}

fn wrong(expected: &ExpectedSession, shown: &VisibleSession, identities: Option<World>) -> Vec<Difference> {
    let wrong = |what, detail| Difference::Wrong {
        guid: shown.guid.to_string(),
        what,
        detail,
    };
    let mut differences = Vec::new();
    if !expected.ips.contains(&*shown.ip) {
        differences.push(wrong("address", format!("{}, not {:?}", shown.ip, expected.ips)));
    }
    for (what, span, at) in [
        ("opened time", expected.opened_at, shown.opened_at),
        ("last activity", expected.last_activity_at, shown.last_activity_at),
    ] {
        if !span.contains(at) {
            differences.push(wrong(what, format!("{at}, not {} to {}", span.from, span.to)));
        }
    }
    if let Some(world) = identities {
        differences.extend(wrong_identity(&world.answer(&shown.ip), shown));
    }
    differences
}

fn wrong_identity(answer: &Answer, shown: &VisibleSession) -> Vec<Difference> {
    let wrong = |what, detail| Difference::Wrong {
        guid: shown.guid.to_string(),
        what,
        detail,
    };
    let mut differences = Vec::new();
    let company = company(answer);
    let shown_company = shown.company.as_deref().map(|company| {
        (
            company.guid.to_lowercase(),
            company.name.clone(),
            company.domain.clone(),
        )
    });
    if company != shown_company {
        differences.push(wrong("company", format!("{shown_company:?}, not {company:?}")));
    }
    let contact = contact(answer);
    let shown_contact = shown.contact.as_deref().map(|contact| Person {
        guid: contact.guid.clone(),
        name: contact.name.clone(),
        title: contact.title.clone(),
        email_addresses: contact.email_addresses.clone(),
        phone_numbers: contact.phone_numbers.clone(),
    });
    if contact != shown_contact {
        differences.push(wrong("contact", format!("{shown_contact:?}, not {contact:?}")));
    }
    differences
}

fn company(answer: &Answer) -> Option<(String, String, String)> {
    let company = answer.company()?;
    Some((
        company.guid.to_lowercase(),
        company.name.clone(),
        company.domain.clone(),
    ))
}

/// A contact as it may be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) guid: String,
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) email_addresses: Vec<String>,
    pub(super) phone_numbers: Vec<String>,
}

pub(super) fn contact(answer: &Answer) -> Option<Person> {
    let contact = answer.contact()?;
    Some(Person {
        guid: contact.guid.clone(),
        name: contact.name.clone(),
        title: contact.title.clone(),
        email_addresses: contact.business_addresses.clone(),
        phone_numbers: contact.phone_numbers.clone().unwrap_or_default(),
    })
}
