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
mod tests;
