//! The companies whose sessions are never shown (docs/testing.md, "Rules of a session", rule 7). Pure.

use std::collections::BTreeSet;
use std::str::FromStr;

use protocol::Company;
use protocol::guid::{self, Identity};
use service::domain;

/// The data centres whose sessions are never shown, whatever the flags say: "`NexaCore` Data Systems" and "`VertexCloud`".
const DATA_CENTRES: [&str; 2] = [
    "b8e8879e-3382-4908-8f1e-7638473d0913",
    "830886a1-728e-4d94-a808-44a92841154b",
];

/// One value of `--hide-companies`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HiddenCompany {
    /// The company with this GUID, in any spelling.
    Guid(Identity),
    /// Every company whose domain is this one or below it; in ASCII (IDNA), lower case, without a final dot.
    Domain(String),
}

/// The text does not name a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCompany {
    /// Neither a GUID nor a domain.
    #[error("must be a company's GUID or its domain, such as lumen.example")]
    NeitherGuidNorDomain,
    /// It would hide every company of a country or a top-level domain.
    #[error("is a public suffix, below which many companies have their domains")]
    PublicSuffix,
}

impl FromStr for HiddenCompany {
    type Err = InvalidCompany;

    fn from_str(text: &str) -> Result<Self, InvalidCompany> {
        if let Some(uuid) = guid::uuid(text) {
            return Ok(Self::Guid(Identity::Uuid(uuid)));
        }
        let domain = without_www(domain::normal(text.trim()).ok_or(InvalidCompany::NeitherGuidNorDomain)?);
        if is_below_public_suffix(&domain) {
            Ok(Self::Domain(domain))
        } else {
            Err(InvalidCompany::PublicSuffix)
        }
    }
}

/// Suffixes of private owners, such as `github.io`, belong to a company.
fn is_below_public_suffix(domain: &str) -> bool {
    psl::domain(domain.as_bytes()).is_some()
        || psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.typ() == Some(psl::Type::Private))
}

/// The domain of a company, as an answer writes it: alone, in a URL or in an email address, in any spelling. Without
/// `www`.
pub(crate) fn company_domain(text: &str) -> Option<String> {
    let domain = domain::normal(host(text.trim()))?;
    Some(without_www(domain))
}

/// A company is known by its domain, not by the host of its website.
fn without_www(domain: String) -> String {
    match domain.strip_prefix("www.") {
        Some(rest) if is_below_public_suffix(rest) => rest.to_owned(),
        _ => domain,
    }
}

/// The companies whose sessions are never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HiddenCompanies {
    guids: BTreeSet<Identity>,
    domains: BTreeSet<String>,
}

impl HiddenCompanies {
    /// The two data centres, and these companies.
    pub fn new(named: impl IntoIterator<Item = HiddenCompany>) -> Self {
        let mut hidden = Self::default();
        hidden.guids.extend(DATA_CENTRES.map(Identity::of));
        for company in named {
            match company {
                HiddenCompany::Guid(guid) => drop(hidden.guids.insert(guid)),
                HiddenCompany::Domain(domain) => drop(hidden.domains.insert(domain)),
            }
        }
        hidden
    }

    /// Whether every hidden session would stay hidden under any other settings.
    #[must_use]
    pub fn are_only_data_centres(&self) -> bool {
        self.domains.is_empty() && self.guids.len() == DATA_CENTRES.len()
    }

    /// Whether sessions of this company are never shown.
    #[must_use]
    pub fn hides(&self, company: &Company) -> bool {
        self.guids.contains(&Identity::of(&company.guid)) || self.hides_domain(&company.domain)
    }

    /// Accepts more spellings than the flag, because the Deanonymizer may write a URL or several domains.
    fn hides_domain(&self, text: &str) -> bool {
        if self.domains.is_empty() {
            return false;
        }
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|'))
            .filter_map(|part| domain::normal(host(part)))
            .any(|domain| {
                std::iter::once(&*domain)
                    .chain(domain::parents(&domain))
                    .any(|domain| self.domains.contains(domain))
            })
    }
}

/// The host of a URL or of an email address, or the text itself.
fn host(text: &str) -> &str {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or(text);
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    text.split_once(':').map_or(text, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn company(guid: &str, domain: &str) -> Company {
        Company {
            guid: guid.into(),
            name: "Lumen".into(),
            domain: domain.into(),
        }
    }

    fn hidden(named: &[&str]) -> HiddenCompanies {
        HiddenCompanies::new(named.iter().map(|text| text.parse().unwrap()))
    }

    #[test]
    fn named_companies_are_distinguished_from_the_data_centres() {
        assert!(HiddenCompanies::new([]).are_only_data_centres());
        assert!(hidden(&DATA_CENTRES).are_only_data_centres());
        assert!(!hidden(&["acme.example"]).are_only_data_centres());
        assert!(!hidden(&["0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11"]).are_only_data_centres());
    }

    #[test]
    fn data_centres_always_stay_hidden() {
        for hidden in [hidden(&[]), hidden(&["lumen.example"])] {
            for guid in DATA_CENTRES {
                assert!(hidden.hides(&company(guid, "")));
                assert!(hidden.hides(&company(&format!(" {{{}}} ", guid.to_uppercase()), "")));
            }
            assert!(!hidden.hides(&company("other", "other.example")));
        }
    }

    #[test]
    fn guid_hides_its_company_in_every_spelling() {
        let hidden = hidden(&["{0D6CF1B5-6E0F-4C1E-9B42-2B1F6E9E7A11}"]);
        for guid in [
            "0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11",
            "urn:uuid:0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11",
            "(0D6CF1B56E0F4C1E9B422B1F6E9E7A11)",
        ] {
            assert!(hidden.hides(&company(guid, "lumen.example")), "{guid}");
        }
        assert!(!hidden.hides(&company("0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a12", "lumen.example")));
    }

    #[test]
    fn domain_hides_its_companies_and_subdomains() {
        let hidden = hidden(&["Lumen.example", "www.münchen.example", "github.io"]);
        for domain in [
            "lumen.example",
            "LUMEN.EXAMPLE.",
            "eu.lumen.example",
            "https://www.lumen.example:443/about?x#y",
            "other.example, lumen.example",
            "xn--mnchen-3ya.example",
            "MÜNCHEN.example",
            "team.github.io",
        ] {
            assert!(hidden.hides(&company("C", domain)), "{domain}");
        }
        for domain in ["", "notlumen.example", "lumen.example.org", "example", "lumen"] {
            assert!(!hidden.hides(&company("C", domain)), "{domain}");
        }
    }

    #[test]
    fn rejects_other_values() {
        for text in [
            "",
            " ",
            "banana",
            "a;b",
            "a.example;b.example",
            "a b",
            "*.lumen.example",
            "https://lumen.example/",
            "203.0.113.7",
            "[::1]",
            "-a.example",
            "a..example",
            ".",
            "b8e8879e-3382-4908-8f1e-7638473d091",
            "ada@lumen.example",
        ] {
            assert_eq!(
                text.parse::<HiddenCompany>(),
                Err(InvalidCompany::NeitherGuidNorDomain),
                "{text:?}"
            );
        }
        for text in ["co.uk", "CO.UK.", "com.br"] {
            assert_eq!(
                text.parse::<HiddenCompany>(),
                Err(InvalidCompany::PublicSuffix),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn accepted_values_hide(label in "[a-z0-9]{1,10}", case: bool) {
            let domain = format!("{label}.lumen.example");
            let named = if case { domain.to_uppercase() } else { format!(" {domain}. ") };
            prop_assert!(hidden(&[&named]).hides(&company("C", &domain)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<HiddenCompany>();
            prop_assert!(!hidden(&["lumen.example"]).hides(&company("C", &text)) || text.to_lowercase().contains("example"));
        }
    }
}
