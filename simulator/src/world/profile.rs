//! The Deanonymizer's answers, in its own JSON, and how they are made up.

use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{
    kind::{Kind, NEXACORE, VERTEXCLOUD},
    mix::mix,
    names,
};

/// How many companies there are. Few enough that many of them have several visitors.
const COMPANIES: f64 = 300.0;

/// The answer of the Deanonymizer about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an answer lives for one call")]
pub enum Answer {
    /// It does not know the address: 404.
    NotFound,
    /// It knows the address, though perhaps neither company nor contact.
    Found {
        /// The company behind the address.
        company: Option<Company>,
        /// The person behind the address.
        contact: Option<Contact>,
    },
}

/// A company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Company {
    /// Its GUID, sometimes in upper case.
    pub guid: String,
    /// Its name, with any characters.
    pub name: String,
    /// Its domain, under a reserved top-level domain.
    pub domain: String,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Their identity.
    pub guid: String,
    /// Their name, with any characters.
    pub name: String,
    /// Their job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Their addresses, business and personal, as the Deanonymizer spells them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_addresses: Option<Vec<String>>,
    /// Their numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_numbers: Option<Vec<String>>,
    /// Those of the addresses that may be shown. Not part of the JSON; for tests.
    #[serde(skip)]
    pub business_addresses: Vec<String>,
}

impl Answer {
    /// The body of the 200 for an address; `None` if the answer is 404.
    #[must_use]
    pub fn body(&self, ip: &str) -> Option<serde_json::Value> {
        let Self::Found { company, contact } = self else {
            return None;
        };
        let mut data = serde_json::Map::new();
        if let Some(company) = company {
            data.insert("company".to_owned(), serde_json::json!(company));
        }
        if let Some(contact) = contact {
            data.insert("contact".to_owned(), serde_json::json!(contact));
        }
        Some(serde_json::json!({ "ip": ip, "data": data }))
    }

    /// The company, if there is one.
    #[must_use]
    pub fn company(&self) -> Option<&Company> {
        match self {
            Self::Found { company, .. } => company.as_ref(),
            Self::NotFound => None,
        }
    }

    /// The contact, if there is one.
    #[must_use]
    pub fn contact(&self) -> Option<&Contact> {
        match self {
            Self::Found { contact, .. } => contact.as_ref(),
            Self::NotFound => None,
        }
    }
}

/// The kinds of addresses that a contact has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Emails {
    None,
    Business,
    Personal,
    Both,
}

pub(super) fn answer(seed: u64, slot: u32, kind: Kind, hostile: bool) -> Answer {
    let rng = &mut ChaCha8Rng::seed_from_u64(mix(seed, u64::from(slot)));
    let employed = |rng: &mut ChaCha8Rng, emails| {
        let company = company(seed, rng, hostile);
        let contact = contact(rng, &company.domain, emails, hostile);
        Answer::Found {
            company: Some(company),
            contact: Some(contact),
        }
    };
    match kind {
        Kind::Full => employed(rng, Emails::Business),
        Kind::MixedEmails => employed(rng, Emails::Both),
        Kind::PersonalEmails => employed(rng, Emails::Personal),
        Kind::NoEmails => employed(rng, Emails::None),
        Kind::CompanyOnly => Answer::Found {
            company: Some(company(seed, rng, hostile)),
            contact: None,
        },
        Kind::ContactOnly => Answer::Found {
            company: None,
            contact: Some(contact(rng, "freelance.example", Emails::Business, hostile)),
        },
        Kind::NexaCore => data_centre(
            rng,
            NEXACORE,
            "NexaCore Data Systems",
            "nexacore.example",
            hostile,
        ),
        Kind::VertexCloud => data_centre(rng, VERTEXCLOUD, "VertexCloud", "vertexcloud.example", hostile),
        Kind::Empty => Answer::Found {
            company: None,
            contact: None,
        },
        Kind::Unknown => Answer::NotFound,
    }
}

fn data_centre(rng: &mut ChaCha8Rng, guid: &str, name: &str, domain: &str, hostile: bool) -> Answer {
    let guid = if rng.random_ratio(1, 8) {
        guid.to_uppercase()
    } else {
        guid.to_owned()
    };
    let contact = rng
        .random_bool(0.5)
        .then(|| contact(rng, domain, Emails::Both, hostile));
    let company = Company {
        guid,
        name: name.to_owned(),
        domain: domain.to_owned(),
    };
    Answer::Found {
        company: Some(company),
        contact,
    }
}

fn company(seed: u64, rng: &mut ChaCha8Rng, hostile: bool) -> Company {
    // Squaring makes the first companies much more frequent than the last.
    let rank = (rng.random::<f64>().powi(2) * COMPANIES).floor();
    let own = &mut ChaCha8Rng::seed_from_u64(mix(seed, rank.to_bits()));
    let (first, second) = words_of(seed, rank);
    let (guid, plain) = (guid(own), pick(own, names::COMPANY_FORMS));
    let form = if hostile && own.random_bool(0.5) {
        pick(own, names::HOSTILE_COMPANY_FORMS)
    } else {
        plain
    };
    Company {
        guid,
        name: form.replace("{}", &format!("{first} {second}")),
        domain: format!("{}-{}.example", ascii(first), ascii(second)),
    }
}

/// The words of a company's name. No two companies of a world have the same ones, so each has a domain of its own.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is a small whole number"
)]
fn words_of(seed: u64, rank: f64) -> (&'static str, &'static str) {
    let (firsts, seconds) = (names::COMPANY_FIRST, names::COMPANY_SECOND);
    let pairs = (firsts.len() * seconds.len()) as u64;
    // The stride has no factor in common with the number of pairs, so every pair comes once.
    let pair = (rank as u64 * 77 + mix(seed, 0) % pairs) % pairs;
    let at = |words: &[&'static str], index: u64| words.get(index as usize).copied().unwrap_or_default();
    (
        at(firsts, pair % firsts.len() as u64),
        at(seconds, pair / firsts.len() as u64),
    )
}

fn contact(rng: &mut ChaCha8Rng, domain: &str, emails: Emails, hostile: bool) -> Contact {
    let (given, family) = (pick(rng, names::GIVEN), pick(rng, names::FAMILY));
    let mailbox = mailbox(given, family);
    let business = match emails {
        Emails::Business | Emails::Both => business_addresses(rng, &mailbox, domain),
        Emails::None | Emails::Personal => Vec::new(),
    };
    let mut addresses = business.clone();
    if matches!(emails, Emails::Personal | Emails::Both) {
        addresses
            .extend((0..rng.random_range(1..=2)).map(|_| pick(rng, names::PERSONAL).replace("{}", &mailbox)));
    }
    if emails == Emails::Both && rng.random_ratio(1, 4) {
        addresses.push(pick(rng, names::NO_ADDRESS).replace("{}", &mailbox));
    }
    Contact {
        guid: guid(rng),
        name: format!("{given} {family}"),
        title: rng.random_bool(0.7).then(|| title(rng, hostile)),
        email_addresses: (emails != Emails::None).then_some(addresses),
        phone_numbers: rng.random_bool(0.6).then(|| phone_numbers(rng)),
        business_addresses: business,
    }
}

/// One or two addresses at the company, the second one such that a careless filter takes it for a personal one.
fn business_addresses(rng: &mut ChaCha8Rng, mailbox: &str, domain: &str) -> Vec<String> {
    let mut addresses = vec![format!("{mailbox}@{domain}")];
    if rng.random_ratio(1, 4) {
        let look_alike = pick(
            rng,
            &[
                "{}@gmail.com.{domain}",
                "{}.gmail.com@{domain}",
                "{}@yahoo.{domain}",
            ],
        );
        addresses.push(look_alike.replace("{}", mailbox).replace("{domain}", domain));
    }
    addresses
}

fn title(rng: &mut ChaCha8Rng, hostile: bool) -> String {
    let plain = pick(rng, names::TITLES);
    if !hostile {
        return plain.to_owned();
    }
    // Without another draw, so that everything else about the person stays the same.
    let hostile = names::HOSTILE_TITLES.iter().cycle().nth(plain.len());
    hostile.copied().unwrap_or_default().to_owned()
}

fn mailbox(given: &str, family: &str) -> String {
    format!("{}.{}", ascii(given), ascii(family))
}

/// A name as it is written in addresses: lower case, with plain letters in place of others.
fn ascii(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            'à'..='å' => Some('a'),
            'ç' | 'č' => Some('c'),
            'è'..='ë' => Some('e'),
            'ì'..='ï' | 'ı' => Some('i'),
            'ò'..='ö' | 'ø' => Some('o'),
            'ù'..='ü' => Some('u'),
            letter => letter.is_ascii_alphanumeric().then_some(letter),
        })
        .collect()
}

/// Numbers from the ranges that are kept for fiction.
fn phone_numbers(rng: &mut ChaCha8Rng) -> Vec<String> {
    let american = format!("+1-202-555-01{:02}", rng.random_range(0..100));
    let british = format!("+44 20 7946 0{:03}", rng.random_range(0..1000));
    if rng.random_bool(0.3) {
        vec![american, british]
    } else {
        vec![american]
    }
}

pub(crate) fn guid(rng: &mut ChaCha8Rng) -> String {
    uuid::Builder::from_random_bytes(rng.random())
        .into_uuid()
        .to_string()
}

fn pick(rng: &mut ChaCha8Rng, words: &[&'static str]) -> &'static str {
    words.choose(rng).copied().unwrap_or_default()
}
