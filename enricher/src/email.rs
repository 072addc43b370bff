//! Which email addresses are personal: of Gmail, Yahoo! Mail, Hotmail, AOL and their like. Pure.

use email_address::{EmailAddress, Options};
use url::Host;

/// Providers with a domain in many countries: the name, and the suffixes under which the provider really has it.
const BY_COUNTRY: &[(&str, &[&str])] = &[
    (
        "yahoo",
        &[
            "at", "be", "bg", "ca", "ch", "cl", "cn", "co.id", "co.il", "co.in", "co.jp", "co.kr", "co.nz",
            "co.th", "co.uk", "co.za", "com", "com.ar", "com.au", "com.br", "com.cn", "com.co", "com.hk",
            "com.mx", "com.my", "com.pe", "com.ph", "com.pk", "com.sg", "com.tr", "com.tw", "com.ua",
            "com.ve", "com.vn", "cz", "de", "dk", "es", "fi", "fr", "gr", "hu", "ie", "in", "it", "lt", "lv",
            "ne.jp", "nl", "no", "pl", "pt", "ro", "rs", "se", "sk",
        ],
    ),
    (
        "hotmail",
        &[
            "at", "be", "ca", "ch", "cl", "co.id", "co.il", "co.in", "co.jp", "co.kr", "co.nz", "co.th",
            "co.uk", "co.za", "com", "com.ar", "com.au", "com.br", "com.hk", "com.mx", "com.tr", "com.tw",
            "com.vn", "cz", "de", "dk", "es", "fi", "fr", "gr", "hu", "it", "jp", "lt", "lv", "my", "nl",
            "no", "ph", "pt", "rs", "se", "sg", "sk",
        ],
    ),
    (
        "outlook",
        &[
            "at", "be", "bg", "cl", "co", "co.id", "co.il", "co.nz", "co.th", "com", "com.ar", "com.au",
            "com.br", "com.es", "com.gr", "com.hr", "com.pe", "com.py", "com.tr", "com.ua", "com.vn", "cz",
            "de", "dk", "dz", "ec", "es", "fr", "hn", "hr", "hu", "id", "ie", "in", "it", "jp", "kr", "la",
            "lt", "lv", "ma", "my", "ph", "pk", "pt", "ro", "sa", "sg", "si", "sk", "tw",
        ],
    ),
    (
        "live",
        &[
            "at", "be", "ca", "ch", "cl", "cn", "co.in", "co.kr", "co.uk", "co.za", "com", "com.ar",
            "com.au", "com.co", "com.mx", "com.my", "com.pe", "com.ph", "com.pk", "com.pt", "com.sg",
            "com.ve", "cz", "de", "dk", "fi", "fr", "hk", "ie", "in", "it", "jp", "lt", "lv", "nl", "no",
            "ph", "ru", "se",
        ],
    ),
    (
        "aol",
        &[
            "at", "be", "ch", "cl", "co.nz", "co.uk", "com", "com.ar", "com.au", "com.br", "com.co",
            "com.mx", "com.tr", "com.ve", "cz", "de", "dk", "es", "fi", "fr", "hk", "in", "it", "jp", "kr",
            "nl", "pl", "ru", "se", "tw",
        ],
    ),
    (
        "gmx",
        &[
            "at", "biz", "ca", "ch", "cn", "co.in", "co.uk", "com", "com.br", "com.my", "com.tr", "cz", "de",
            "dk", "es", "eu", "fr", "hk", "ie", "in", "info", "it", "li", "lt", "lu", "net", "org", "ph",
            "pt", "ru", "se", "sg", "tm", "tw", "us",
        ],
    ),
    (
        "yandex",
        &[
            "by", "com", "com.tr", "ee", "fr", "kz", "lt", "lv", "pl", "ru", "tj", "tm", "ua", "uz",
        ],
    ),
    ("ymail", &["com", "ne.jp"]),
    ("mail", &["com", "ee", "ru"]),
    ("inbox", &["com", "eu", "lt", "lv", "ru"]),
];

/// Providers with one domain, or a few that follow no pattern.
const DOMAINS: &[&str] = &[
    // Google
    "gmail.com",
    "googlemail.com",
    // Yahoo
    "myyahoo.com",
    "rocketmail.com",
    "yahoomail.com",
    // Microsoft
    "msn.com",
    "passport.com",
    "windowslive.com",
    "livemail.tw",
    // AOL
    "aim.com",
    "compuserve.com",
    "cs.com",
    "games.com",
    "love.com",
    "netscape.net",
    "wow.com",
    "ygm.com",
    // Apple
    "icloud.com",
    "mac.com",
    "me.com",
    // Proton, Tuta, Fastmail and others that sell private mailboxes
    "fastmail.com",
    "fastmail.fm",
    "hey.com",
    "hushmail.com",
    "hushmail.me",
    "mailbox.org",
    "mailfence.com",
    "pm.me",
    "posteo.de",
    "posteo.net",
    "proton.me",
    "protonmail.ch",
    "protonmail.com",
    "runbox.com",
    "tuta.com",
    "tuta.io",
    "tutamail.com",
    "tutanota.com",
    "tutanota.de",
    "zohomail.com",
    // Mail.ru, Rambler
    "bk.ru",
    "internet.ru",
    "list.ru",
    "rambler.ru",
    "ya.ru",
    // China, Korea, Japan, India
    "126.com",
    "139.com",
    "163.com",
    "aliyun.com",
    "daum.net",
    "foxmail.com",
    "hanmail.net",
    "nate.com",
    "naver.com",
    "qq.com",
    "rediffmail.com",
    "sina.cn",
    "sina.com",
    "sohu.com",
    "yeah.net",
    // Europe
    "abv.bg",
    "arcor.de",
    "bluewin.ch",
    "centrum.cz",
    "freemail.hu",
    "freenet.de",
    "hispeed.ch",
    "interia.pl",
    "laposte.net",
    "libero.it",
    "mail.bg",
    "o2.pl",
    "onet.pl",
    "op.pl",
    "sapo.pt",
    "seznam.cz",
    "t-online.de",
    "tlen.pl",
    "ukr.net",
    "virgilio.it",
    "wanadoo.fr",
    "web.de",
    "wp.pl",
    // Great Britain, North America, Brazil, Australia
    "bellsouth.net",
    "bigpond.com",
    "blueyonder.co.uk",
    "bol.com.br",
    "btinternet.com",
    "comcast.net",
    "email.com",
    "ig.com.br",
    "mail.ca",
    "ntlworld.com",
    "prodigy.net",
    "sbcglobal.net",
    "usa.com",
    "uol.com.br",
];

/// The address in a text as people write it: blanks, a display name and a final dot are taken away.
///
/// `None` where there is no address in it.
pub fn address(text: &str) -> Option<String> {
    let options = Options::default()
        .with_required_tld()
        .with_display_text()
        .without_domain_literal();
    let text = text.trim();
    let undotted = match text.strip_suffix('>') {
        Some(inner) => format!("{}>", inner.trim_end().trim_end_matches('.')),
        None => text.trim_end_matches('.').to_owned(),
    };
    let parsed = EmailAddress::parse_with_options(&undotted, options).ok()?;
    Some(format!("{}@{}", parsed.local_part(), parsed.domain()))
}

/// Whether the address, as [`address`] gives it, belongs to a personal mailbox.
///
/// A domain that no host can have counts as personal: nobody can say whose it is.
pub fn is_personal(address: &str) -> bool {
    let Some((_, domain)) = address.rsplit_once('@') else {
        return true;
    };
    // Folds the case and the many spellings that Unicode has for a Latin letter, as a mail server would.
    let Ok(Host::Domain(domain)) = Host::parse(domain) else {
        return true;
    };
    let Some(registrable) = psl::domain(domain.as_bytes()) else {
        return true;
    };
    let (Ok(registrable), Ok(suffix)) = (
        std::str::from_utf8(registrable.as_bytes()),
        std::str::from_utf8(registrable.suffix().as_bytes()),
    ) else {
        return true;
    };
    let name = registrable
        .strip_suffix(suffix)
        .unwrap_or_default()
        .trim_end_matches('.');
    DOMAINS.contains(&registrable)
        || BY_COUNTRY
            .iter()
            .any(|(provider, suffixes)| *provider == name && suffixes.contains(&suffix))
}

/// Whether a text that should hold no address holds a personal one. Judged by what follows each `@`, because what stands
/// before it can be quoted in too many ways.
pub fn mentions_personal(text: &str) -> bool {
    text.split(['@', '＠']).skip(1).any(|rest| {
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "-.。．｡".contains(c)));
        let domain = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
        let is_host = matches!(Host::parse(domain), Ok(Host::Domain(host)) if host.contains('.'));
        is_host && is_personal(&format!("@{domain}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn personal(text: &str) -> bool {
        is_personal(&address(text).unwrap_or_else(|| panic!("no address in {text:?}")))
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
            "  a@GMAIL.com  ",
            "a@gmail.com.",
            "Ada Quill <ada@gmail.com>",
            "\"Quill, Ada\" <ada@Gmail.com.>",
            "a.b+c@gmail.com",
            "\"odd name\"@gmail.com",
            "a@very.deep.sub.gmail.com",
            "a@ｇｍａｉｌ.com",
        ] {
            assert!(personal(text), "{text}");
        }
    }

    #[test]
    fn business_addresses() {
        for text in [
            "x@yahoo.example.com",
            "x@gmail.example.com",
            "x@notgmail.com",
            "x@gmail.lumen.co.uk",
            "x@hotmail-parts.com",
            "x@yahoo.github.io",
            "gmail.com@lumen.com",
            "x@lumen.example",
            "x@aolt.com",
            "x@mygmx.net",
        ] {
            assert!(!personal(text), "{text}");
        }
    }

    #[test]
    fn takes_the_address_out_of_its_wrapping() {
        assert_eq!(
            address(" Ada Quill <Ada.Quill@lumen.example.> ").as_deref(),
            Some("Ada.Quill@lumen.example")
        );
        assert_eq!(
            address("ada@lumen.example.").as_deref(),
            Some("ada@lumen.example")
        );
    }

    #[test]
    fn what_is_no_address_gives_none() {
        for text in [
            "",
            "ada",
            "ada@",
            "@lumen.example",
            "ada@@lumen.example",
            "ada lumen.example",
            "ada@[1.2.3.4]",
        ] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }

    #[test]
    fn finds_a_personal_address_in_other_texts() {
        assert!(mentions_personal("Ada (ada@gmail.com)"));
        assert!(mentions_personal("mailto:ada@yahoo.fr"));
        assert!(mentions_personal("\"ada quill\"@gmail.com"));
        assert!(mentions_personal("Write to ada @ GMAIL.com."));
        assert!(mentions_personal("ada＠gmail．com"));
        assert!(!mentions_personal("ada@lumen.example"));
        assert!(!mentions_personal("Head of Sales @ Lumen"));
    }

    #[test]
    fn every_kept_domain_can_be_registered_and_is_kept_once() {
        let by_country = BY_COUNTRY
            .iter()
            .flat_map(|(name, suffixes)| suffixes.iter().map(move |suffix| format!("{name}.{suffix}")));
        let mut kept = std::collections::BTreeSet::new();
        for domain in by_country.chain(DOMAINS.iter().map(ToString::to_string)) {
            assert_eq!(psl::domain_str(&domain), Some(domain.as_str()));
            assert!(kept.insert(domain.clone()), "{domain} is kept twice");
        }
    }

    proptest! {
        #[test]
        fn case_and_sub_domains_make_no_difference(sub in "[a-z]{1,8}", upper: bool, index in 0..DOMAINS.len()) {
            let domain = if upper { DOMAINS[index].to_uppercase() } else { DOMAINS[index].to_owned() };
            let plain = format!("a@{domain}");
            prop_assert!(personal(&plain));
            let with_sub = format!("a@{sub}.{domain}");
            prop_assert!(personal(&with_sub));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            if let Some(address) = address(&text) {
                is_personal(&address);
            }
            mentions_personal(&text);
        }
    }
}
