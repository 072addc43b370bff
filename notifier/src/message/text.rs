//! The texts of a message: one line each and of limited length, whatever names third parties have.

use protocol::Contact;
use protocol::page::Page;

use crate::arrivals::arrival::Arrival;

/// The longest text of a third party, in characters.
const MAX_TEXT: usize = 150;

/// The longest address of a page, in characters.
const MAX_URL: usize = 300;

/// A text of a third party on one line, without invisible characters that change how others are read.
pub fn plain(text: &str) -> String {
    cut(text, MAX_TEXT)
}

fn cut(text: &str, max: usize) -> String {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    let visible: String = visible.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(max) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Marks of direction and characters without width (Unicode, UAX #9 and general category Cf).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// The company's name, or its domain if it has none.
pub fn company(arrival: &Arrival) -> String {
    let name = plain(&arrival.company.name);
    if name.is_empty() {
        plain(&arrival.company.domain)
    } else {
        name
    }
}

/// What is known of the visitor, one line each: a label and a text.
pub fn facts(arrival: &Arrival) -> Vec<(&'static str, String)> {
    let contact = arrival.contact.as_ref();
    let emails = contact.map(|contact| list(&contact.email_addresses));
    let phones = contact.map(|contact| list(&contact.phone_numbers));
    let place = [&arrival.country, &arrival.network];
    let referrer = arrival.referrer.as_deref();
    let facts = [
        ("Domain", plain(&arrival.company.domain)),
        ("Contact", contact.map(person).unwrap_or_default()),
        ("Email", emails.unwrap_or_default()),
        ("Phone", phones.unwrap_or_default()),
        ("From", list(place.into_iter().flatten())),
        ("Page", arrival.page.as_ref().map(page).unwrap_or_default()),
        (
            "Came from",
            referrer.map(|url| cut(url, MAX_URL)).unwrap_or_default(),
        ),
    ];
    facts.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn person(contact: &Contact) -> String {
    match &contact.title {
        Some(title) => format!("{}, {}", plain(&contact.name), plain(title)),
        None => plain(&contact.name),
    }
}

fn page(page: &Page) -> String {
    let (url, title) = (cut(&page.url, MAX_URL), plain(&page.title));
    if title.is_empty() {
        url
    } else {
        format!("{title} ({url})")
    }
}

/// At most three texts.
fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let texts = texts.into_iter().take(3);
    let texts: Vec<_> = texts.map(|text| plain(text.as_ref())).collect();
    texts.join(", ")
}

/// All arrivals in one sentence, for lists of messages and lock screens.
pub fn summary(arrivals: &[Arrival]) -> String {
    match arrivals {
        [] => String::new(),
        [one] => format!("{} is on the website", company(one)),
        [one, two] => format!("{} and {} are on the website", company(one), company(two)),
        [one, two, rest @ ..] => format!(
            "{}, {} and {} more are on the website",
            company(one),
            company(two),
            rest.len()
        ),
    }
}
