//! The team's watchlist: the companies whose arrivals are announced. Pure, except for `file`.

pub mod file;

use std::collections::{BTreeSet, HashSet};

use protocol::Company;
use protocol::guid::{self, Identity};

use crate::domain;

/// Maximum number of entries in a list.
const MAX_ENTRIES: usize = 10_000;

/// The companies of a file: one domain or company GUID per line, with `*.` before a domain for everything below it.
/// Text after `#` is a comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watchlist {
    /// The entries in normal spelling, in the order of the file.
    entries: Vec<String>,
    domains: HashSet<String>,
    /// The domains whose sub-domains are watched.
    parents: HashSet<String>,
    guids: BTreeSet<Identity>,
}

/// A line that names no company.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWatchlist {
    /// Neither a domain nor a GUID.
    #[error(
        "line {line}: {text:?} is neither a domain such as lumen.example or *.lumen.example nor a company's GUID"
    )]
    Line {
        /// Counted from 1.
        line: usize,
        /// Its text, truncated to a readable length.
        text: String,
    },
    /// There are too many.
    #[error("has more than {MAX_ENTRIES} entries")]
    TooLong,
}

impl Watchlist {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Fails at the first line that names no company.
    pub fn parse(text: &str) -> Result<Self, InvalidWatchlist> {
        let mut list = Self::default();
        let mut known = HashSet::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let Some(normal) = list.add(entry) else {
                return Err(InvalidWatchlist::Line {
                    line: index + 1,
                    text: entry.chars().take(80).collect(),
                });
            };
            if known.insert(normal.clone()) {
                list.entries.push(normal);
            }
            if list.entries.len() > MAX_ENTRIES {
                return Err(InvalidWatchlist::TooLong);
            }
        }
        Ok(list)
    }

    /// Adds an entry and returns its normal spelling; `None` if it names no company.
    fn add(&mut self, entry: &str) -> Option<String> {
        if let Some(uuid) = guid::uuid(entry) {
            self.guids.insert(Identity::Uuid(uuid));
            return Some(uuid.to_string());
        }
        if let Some(parent) = entry.strip_prefix("*.") {
            let parent = domain::normal(parent)?;
            self.parents.insert(parent.clone());
            return Some(format!("*.{parent}"));
        }
        let domain = without_www(domain::normal(entry)?);
        self.domains.insert(domain.clone());
        Some(domain)
    }

    /// The entries in normal spelling, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Whether the company is on the list. Its domain may be written as a web address.
    #[must_use]
    pub fn contains(&self, company: &Company) -> bool {
        if self.guids.contains(&Identity::of(&company.guid)) {
            return true;
        }
        let Some(domain) = domain::normal(host(&company.domain)) else {
            return false;
        };
        domain::parents(&domain).any(|parent| self.parents.contains(parent))
            || self.domains.contains(&without_www(domain))
    }
}

/// A company is known by its domain, not by the host of its website.
fn without_www(domain: String) -> String {
    match domain.strip_prefix("www.") {
        Some(rest) if rest.contains('.') => rest.to_owned(),
        _ => domain,
    }
}

/// The host of a web address, or the text itself.
fn host(text: &str) -> &str {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or(text);
    text.split_once(':').map_or(text, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn company(guid: &str, domain: &str) -> Company {
        Company {
            guid: guid.into(),
            name: "Lumen & Sons".into(),
            domain: domain.into(),
        }
    }

    #[test]
    fn reads_domains_guids_wildcards_and_comments() {
        let text = "\u{feff}# who we wait for\n\nLUMEN.example  # the big one\r\n*.Varga.example\n\
                    {0D6CF1B5-6E0F-4C1E-9B42-2B1F6E9E7A11}\nwww.münchen.example.\nlumen.example\n";
        let list = Watchlist::parse(text).unwrap();
        assert_eq!(
            list.entries(),
            [
                "lumen.example",
                "*.varga.example",
                "0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11",
                "xn--mnchen-3ya.example"
            ]
        );
        for watched in [
            company("x", "lumen.example"),
            company("x", "https://www.Lumen.example/about"),
            company("x", "shop.varga.example"),
            company("x", "a.b.varga.example"),
            company("0d6cf1b56e0f4c1e9b422b1f6e9e7a11", "other.example"),
            company("x", "München.example"),
        ] {
            assert!(list.contains(&watched), "{watched:?}");
        }
        for other in [
            company("x", "shop.lumen.example"),
            company("x", "varga.example"),
            company("x", "xvarga.example"),
            company("x", "lumen.example.org"),
            company("", ""),
            company("x", "not a domain"),
        ] {
            assert!(!list.contains(&other), "{other:?}");
        }
    }

    #[test]
    fn names_the_line_that_is_no_company() {
        for (text, line) in [
            ("lumen.example\nzoe@lumen.example", 2),
            ("lumen", 1),
            ("\n\na.example,b.example", 3),
            ("https://lumen.example/", 1),
            ("*.example\n*.*.lumen.example", 1),
            ("*", 1),
            ("203.0.113.7", 1),
            ("-a.example", 1),
        ] {
            let error = Watchlist::parse(text).unwrap_err();
            assert!(
                matches!(&error, InvalidWatchlist::Line { line: found, .. } if *found == line),
                "{text:?}: {error}"
            );
        }
        let many = (0..=MAX_ENTRIES)
            .map(|n| format!("c{n}.example\n"))
            .collect::<Vec<_>>()
            .concat();
        assert_eq!(Watchlist::parse(&many), Err(InvalidWatchlist::TooLong));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), domain in any::<String>()) {
            if let Ok(list) = Watchlist::parse(&text) {
                let _ = list.contains(&company(&domain, &domain));
            }
        }

        #[test]
        fn an_entry_watches_what_it_names_in_any_case(
            labels in proptest::collection::vec("[a-z][a-z0-9]{0,8}", 2..5),
            upper in any::<bool>(),
        ) {
            let domain = labels.join(".");
            prop_assume!(!domain.starts_with("www.") && !domain.contains("xn--"));
            let spelled = if upper { domain.to_uppercase() } else { domain.clone() };
            let list = Watchlist::parse(&spelled).unwrap();
            prop_assert!(list.contains(&company("x", &domain)));
            let below = company("x", &format!("a.{domain}"));
            prop_assert!(!list.contains(&below));
            let wildcard = format!("*.{spelled}");
            prop_assert!(Watchlist::parse(&wildcard).unwrap().contains(&below));
        }
    }
}
