//! Email addresses in an answer: which are personal (Gmail, Yahoo! Mail, Hotmail, AOL and similar services), and how
//! to unwrap the others. Pure.

mod domains;
mod plain;

use email_address::{EmailAddress, Options};
use url::Host;

use plain::{AMBIGUOUS_DOT, plain, spelled};

/// The characters around and between addresses, besides white space.
const BETWEEN: [char; 12] = [',', ';', '<', '>', '(', ')', '[', ']', '{', '}', '|', '"'];

/// The business addresses in a text as people and programs write it: without display name, `mailto:`, brackets,
/// punctuation and encodings. Anything that cannot be parsed is dropped.
pub fn business_addresses(text: &str) -> Vec<String> {
    let mut addresses = addresses(&plain(text));
    addresses.retain(|address| !is_personal(address));
    addresses
}

/// Whether a text that should hold no address holds a personal one. Only the part after each `@` counts, because the
/// part before it can be quoted in too many ways.
pub fn mentions_personal(text: &str) -> bool {
    let text = spelled(&plain(text));
    text.split('@').skip(1).any(is_personal_domain_first)
}

/// Whether a text that should hold no address, such as a telephone number, may hold one.
pub fn mentions_address(text: &str) -> bool {
    spelled(&plain(text)).contains('@')
}

/// The addresses in a plain text.
fn addresses(text: &str) -> Vec<String> {
    if let Some(address) = address(text, true) {
        return vec![address];
    }
    let mut found: Vec<String> = Vec::new();
    for part in text.split(|c: char| c.is_whitespace() || BETWEEN.contains(&c)) {
        // A slash may be part of an address or separate two.
        let parts = match part.matches('@').count() {
            0 => continue,
            1 => vec![part],
            _ => part.split('/').collect(),
        };
        for address in parts.into_iter().filter_map(|part| address(part, false)) {
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    found
}

/// The only address in a text, with or without a display name.
fn address(text: &str, with_name: bool) -> Option<String> {
    let options = Options {
        allow_display_text: with_name,
        ..Options::default().with_required_tld().without_domain_literal()
    };
    let text = text.trim();
    let text = match text.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => {
            let rest = text[7..].trim_start_matches('/');
            rest.split_once('?').map_or(rest, |(address, _)| address)
        }
        _ => text,
    };
    let text = text.trim_matches(|c: char| c.is_whitespace() || "'`‘’“”.:!?*_".contains(c));
    let text = match text.strip_suffix('>') {
        Some(inner) => format!("{}>", inner.trim_end().trim_end_matches('.')),
        None => text.to_owned(),
    };
    let parsed = EmailAddress::parse_with_options(&text, options).ok()?;
    Some(format!("{}@{}", parsed.local_part(), parsed.domain()))
}

/// Whether a plain address is personal, or contains a personal one, as in `"ada@gmail.com"@lumen.example`.
///
/// A domain that no host can have counts as personal, because its owner is unknown.
fn is_personal(address: &str) -> bool {
    let Some((local_part, domain)) = address.rsplit_once('@') else {
        return true;
    };
    let at_personal_domain = match Host::parse(domain) {
        Ok(Host::Domain(host)) => domains::is_personal(&host),
        _ => true,
    };
    at_personal_domain || mentions_personal(local_part)
}

/// Whether the text after an `@` begins with a personal domain.
fn is_personal_domain_first(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | AMBIGUOUS_DOT)));
    let text = &text[..end.unwrap_or(text.len())];
    let full = host(text);
    // If there is no such top-level domain, the next sentence may begin at any dot: `ada@gmail.com.Write`.
    let ends_well = full
        .as_deref()
        .and_then(|host| psl::suffix(host.as_bytes()))
        .is_some_and(|suffix| suffix.is_known());
    let sentence_ends = text
        .char_indices()
        .filter(|(_, c)| *c == AMBIGUOUS_DOT || (*c == '.' && !ends_well))
        .filter_map(|(end, _)| host(&text[..end]));
    full.iter()
        .cloned()
        .chain(sentence_ends)
        .any(|host| domains::is_personal(&host))
}

/// The host that the text spells, if it has more than one label.
fn host(text: &str) -> Option<String> {
    let labels = text.split(['.', AMBIGUOUS_DOT]);
    let labels: Vec<_> = labels
        .map(|label| label.trim_matches('-'))
        .filter(|label| !label.is_empty())
        .collect();
    if labels.len() < 2 {
        return None;
    }
    match Host::parse(&labels.join(".")) {
        Ok(Host::Domain(host)) => Some(host),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_personal_text(text: &str) -> bool {
        business_addresses(text).is_empty() && mentions_personal(text)
    }

    #[test]
    fn personal_addresses() {
        for text in [
            "a@gmail.com",
            "a@googlemail.com",
            "X@mail.Yahoo.co.uk",
            "a@ymail.com",
            "a@rocketmail.com",
            "a@yahoo.com.br",
            "a@hotmail.com",
            "a@hotmail.fr",
            "a@outlook.com",
            "a@live.com",
            "a@msn.com",
            "a@aol.com",
            "a@aol.co.uk",
            "a@aim.com",
            "a@icloud.com",
            "a@proton.me",
            "a@gmx.net",
            "a@orange.fr",
            "a@cox.net",
            "a@terra.com.br",
            "a@zoho.com",
            "a@privaterelay.appleid.com",
            "a@duck.com",
            "a@x.mozmail.com",
            "  a@GMAIL.com  ",
            "a@gmail.com.",
            "a@gmail.com;",
            "<a@gmail.com>",
            "mailto:a@gmail.com?subject=x",
            "Ada Quill <ada@gmail.com>",
            "\"Quill, Ada\" <ada@Gmail.com.>",
            "a.b+c@gmail.com",
            "\"odd name\"@gmail.com",
            "a@very.deep.sub.gmail.com",
            "a@ｇｍａｉｌ.com",
            "a@gm\u{AD}ail.com",
            "a\u{200B}@\u{200B}gmail.com",
            "a﹫gmail.com",
            "a%40gmail.com",
            "a&#64;gmail.com",
            "a=40gmail.com@lumen.example",
            "\"a@gmail.com\"@lumen.example",
            "a@gmail。com",
        ] {
            assert!(is_personal_text(text), "{text}");
        }
    }

    #[test]
    fn business_addresses_stay() {
        for text in [
            "x@yahoo.example.com",
            "x@gmail.example.com",
            "x@notgmail.com",
            "x@gmail.lumen.co.uk",
            "x@hotmail-parts.com",
            "x@yahoo.github.io",
            "x@lumen.example",
            "x@aolt.com",
            "x@mygmx.net",
            "x@mail.com.au",
            "x@orange.com",
            "x@appleid.com",
        ] {
            assert_eq!(business_addresses(text), [text], "{text}");
            assert!(!mentions_personal(text), "{text}");
        }
        // In other texts the next sentence may have begun there.
        let below_a_company = "x@gmail.com.lumen.example";
        assert_eq!(business_addresses(below_a_company), [below_a_company]);
    }

    #[test]
    fn unwraps_addresses() {
        for text in [
            "ada@firm.example",
            "<ada@firm.example>",
            "mailto:ada@firm.example",
            "MAILTO:ada@firm.example?subject=Hello",
            "Ada <mailto:ada@firm.example>",
            "ada@firm.example;",
            "ada@firm.example,",
            "ada@firm.example.",
            "ada@firm.example (Ada)",
            "(Ada) ada@firm.example",
            " Ada Quill <ada@firm.example.> ",
            "\"Quill, Ada\" <ada@firm.example>",
            "Quill, Ada <ada@firm.example>",
            "'ada@firm.example'",
            "[ada@firm.example]",
            "Email: ada@firm.example",
            "ada%40firm.example",
            "ada&#64;firm&period;example",
            "ada@firm\u{200B}.example",
            "ada＠firm．example",
            "ada@gmail.com <ada@firm.example>",
            "ada@firm.example, ada@firm.example",
        ] {
            assert_eq!(business_addresses(text), ["ada@firm.example"], "{text}");
        }
        for between in [",", ";", " ", " / ", "/", "|", "><", "\n", "; ", " and "] {
            let two = format!("ada@firm.example{between}bob@firm.example");
            let expected = ["ada@firm.example", "bob@firm.example"];
            assert_eq!(business_addresses(&two), expected, "{two:?}");
        }
    }

    #[test]
    fn rejects_invalid_addresses() {
        for text in [
            "",
            "ada",
            "ada@",
            "@firm.example",
            "ada@@firm.example",
            "ada firm.example",
            "ada@[1.2.3.4]",
            "ada@firm",
        ] {
            assert!(business_addresses(text).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn finds_a_personal_address_in_other_texts() {
        for text in [
            "Ada (ada@gmail.com)",
            "mailto:ada@yahoo.fr",
            "\"ada quill\"@gmail.com",
            "Write to ada @ GMAIL.com.",
            "ada＠gmail．com",
            "ada@\"gmail.com\"",
            "ada@gmail . com",
            "ada [at] gmail [dot] com",
            "ada at gmail dot com",
            "ada@gmail.com.Write",
            "ada@gmail..com",
            "ada@@gmail.com",
        ] {
            assert!(mentions_personal(text), "{text}");
        }
        for text in [
            "ada@lumen.example",
            "Head of Sales @ Lumen",
            "Head of Sales at Web.de",
            "Gmail.com Consulting",
            "100 % @ 5.30",
        ] {
            assert!(!mentions_personal(text), "{text}");
        }
    }

    #[test]
    fn finds_any_address_in_a_number() {
        for text in [
            "ada@firm.example",
            "+1 ada＠firm.example",
            "ada %40 firm.example",
            "ada [at] firm.example",
        ] {
            assert!(mentions_address(text), "{text}");
        }
        assert!(!mentions_address("+1 (202) 555-0173 ext. 5"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            for address in business_addresses(&text) {
                prop_assert_eq!(business_addresses(&address), std::slice::from_ref(&address));
            }
            mentions_personal(&text);
        }
    }
}
