//! Personal addresses are not shown, in any spelling and any field of an answer; business addresses are.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use protocol::Profile;
use protocol::record::{Company, Contact};

use crate::filter::answer::Answer;
use crate::filter::hidden_companies::HiddenCompanies;
use crate::filter::profile::filter;
use crate::verdict::Verdict;

const PERSONAL: &str = include_str!("../../../../data/personal-mail-majority.txt");

/// Invisible characters.
const INVISIBLE: [&str; 9] = [
    "\u{AD}",
    "\u{200B}",
    "\u{200D}",
    "\u{FEFF}",
    "\u{2060}",
    "\u{FE0F}",
    "\u{61C}",
    "\u{E0041}",
    "\u{7}",
];

/// One way to rewrite a text without changing its meaning to people or programs.
#[derive(Clone, Debug)]
enum Wrapping {
    At(&'static str),
    Dot(&'static str),
    Around(&'static str, &'static str),
    Invisible(&'static str, Index),
    UpperCase,
    FullWidth,
    Percent,
    Entities,
    Escapes,
}

impl Wrapping {
    fn wrap(&self, text: &str) -> String {
        match self {
            Self::At(at) => text.replace('@', at),
            Self::Dot(dot) => text.replace('.', dot),
            Self::Around(before, after) => format!("{before}{text}{after}"),
            Self::Invisible(invisible, at) => {
                let at = at.index(text.chars().count() + 1);
                let before: String = text.chars().take(at).collect();
                let after: String = text.chars().skip(at).collect();
                format!("{before}{invisible}{after}")
            }
            Self::UpperCase => text.to_uppercase(),
            Self::FullWidth => text.chars().map(full_width).collect(),
            Self::Percent => each(text.bytes(), |byte| format!("%{byte:02X}")),
            Self::Entities => each(text.chars(), |c| format!("&#{};", u32::from(c))),
            Self::Escapes => each(text.chars(), |c| match u32::from(c) {
                code @ ..=0xFFFF => format!("\\u{code:04x}"),
                _ => c.to_string(),
            }),
        }
    }
}

fn each<T>(parts: impl Iterator<Item = T>, write: impl Fn(T) -> String) -> String {
    let written: Vec<_> = parts.map(write).collect();
    written.concat()
}

fn full_width(c: char) -> char {
    match c {
        '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

fn wrapping() -> impl Strategy<Value = Wrapping> {
    let at = select(vec![
        "＠",
        "﹫",
        "%40",
        "&#64;",
        "&#x40;",
        "&commat;",
        "&amp;#64;",
        "=40",
        "\\u0040",
        " @ ",
        "[at]",
        " (at) ",
        "_at_",
    ]);
    let dot = select(vec![
        "．", "。", "｡", "﹒", "%2E", "&#46;", "&period;", " . ", "[dot]", " (dot) ",
    ]);
    let around = select(vec![
        ("<", ">"),
        ("mailto:", ""),
        ("mailto:", "?subject=Hello"),
        ("Ada Quill <", ">"),
        ("\"Quill, Ada\" <", ">"),
        ("(Ada) ", ""),
        ("", " (Ada)"),
        ("", ";"),
        ("", "."),
        ("'", "'"),
        ("\"", "\""),
        ("“", "”"),
        ("Write to ", " please"),
        ("", ". Call me"),
        ("ada@firm.example, ", ""),
        ("", "; ada@firm.example"),
        ("\n", "\t"),
    ]);
    prop_oneof![
        at.prop_map(Wrapping::At),
        dot.prop_map(Wrapping::Dot),
        around.prop_map(|(before, after)| Wrapping::Around(before, after)),
        (select(INVISIBLE.to_vec()), any::<Index>()).prop_map(|(what, at)| Wrapping::Invisible(what, at)),
        Just(Wrapping::UpperCase),
        Just(Wrapping::FullWidth),
        Just(Wrapping::Percent),
        Just(Wrapping::Entities),
        Just(Wrapping::Escapes),
    ]
}

fn wrapped(address: String) -> impl Strategy<Value = String> {
    prop::collection::vec(wrapping(), 0..4).prop_map(move |wrappings| {
        wrappings
            .iter()
            .fold(address.clone(), |text, wrapping| wrapping.wrap(&text))
    })
}

/// An address of a personal mailbox.
fn personal() -> impl Strategy<Value = String> {
    let domains: Vec<_> = PERSONAL
        .lines()
        .filter(|domain| {
            !domain.starts_with('#') && crate::filter::email::mentions_personal(&format!("a@mail.{domain}"))
        })
        .collect();
    let sub_domain = prop_oneof![Just(""), Just("mail."), Just("a.b.")];
    ("[a-z]{1,8}([._+][a-z]{1,4})?", sub_domain, select(domains))
        .prop_map(|(local, sub_domain, domain)| format!("{local}@{sub_domain}{domain}"))
}

fn company() -> Company {
    Company {
        guid: "C".into(),
        name: "Lumen".into(),
        domain: "lumen.example".into(),
    }
}

fn contact() -> Contact {
    Contact {
        guid: "P".into(),
        name: "Ada Quill".into(),
        title: Some("CTO".into()),
        email_addresses: vec!["ada@firm.example".into()],
        phone_numbers: vec!["+1-202-555-0173".into()],
    }
}

fn shown(company: Company, contact: Contact) -> Profile {
    let answer = Answer {
        company: Some(company),
        contact: Some(contact),
    };
    filter(answer, &HiddenCompanies::new([]))
        .profile()
        .unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_spelling_of_a_personal_address_passes_in_any_field(text in personal().prop_flat_map(wrapped)) {
        let of_company = |change: fn(&mut Company, String)| {
            let mut company = company();
            change(&mut company, text.clone());
            shown(company, contact())
        };
        let of_contact = |change: fn(&mut Contact, String)| {
            let mut contact = contact();
            change(&mut contact, text.clone());
            shown(company(), contact)
        };
        prop_assert_eq!(of_company(|company, text| company.guid = text).company, None);
        prop_assert_eq!(of_company(|company, text| company.name = text).company, None);
        prop_assert_eq!(of_company(|company, text| company.domain = text).company, None);
        prop_assert_eq!(of_contact(|contact, text| contact.guid = text).contact, None);
        prop_assert_eq!(of_contact(|contact, text| contact.name = text).contact, None);
        let with_title = of_contact(|contact, text| contact.title = Some(text)).contact;
        prop_assert_eq!(&with_title.unwrap().title, &None);
        let with_number = of_contact(|contact, text| contact.phone_numbers = vec![text]).contact;
        prop_assert!(with_number.unwrap().phone_numbers.is_empty());
        let with_address = of_contact(|contact, text| contact.email_addresses = vec![text]).contact;
        let left = with_address.unwrap().email_addresses.clone();
        // One of the wrappings adds an address that may be shown.
        let business = |address: &String| address.eq_ignore_ascii_case("ada@firm.example");
        prop_assert!(left.iter().all(business), "{:?}", left);
    }

    #[test]
    fn filtering_twice_changes_nothing(texts in prop::collection::vec(personal().prop_flat_map(wrapped), 3)) {
        let mut contact = contact();
        contact.email_addresses.extend(texts.clone());
        contact.phone_numbers.extend(texts.clone());
        let once = shown(company(), contact);
        let again = Answer {
            company: once.company.as_deref().cloned(),
            contact: once.contact.as_deref().cloned(),
        };
        prop_assert_eq!(filter(again, &HiddenCompanies::new([])), Verdict::Shown(once));
    }
}
