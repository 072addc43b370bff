//! This enricher's filter rules, applied to fresh answers and to data that other enrichers have filtered. Pure.

use std::fmt::Write as _;

use protocol::{Profile, Record};
use sha2::{Digest as _, Sha256};

use crate::address_key::AddressHasher;
use crate::filter::answer::Answer;
use crate::filter::email;
use crate::filter::hidden_companies::HiddenCompanies;
use crate::filter::profile::filter;
use crate::verdict::Verdict;

/// The source text of everything that decides what may be shown. An enricher with a different text has different rules.
const SOURCES: &[&str] = &[
    include_str!("email/mod.rs"),
    include_str!("email/domains.rs"),
    include_str!("email/plain.rs"),
    include_str!("../../data/personal-mail-domains.txt"),
    include_str!("hidden_companies.rs"),
    include_str!("profile/mod.rs"),
];

/// What the rules demand for a published record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It needs no change.
    Unchanged,
    /// Its session must not be shown.
    Hide,
    /// It may show no more than this profile.
    Redact(Profile),
}

/// The rules. They do not change while the process runs.
#[derive(Clone, Debug)]
pub struct Rules {
    hidden: HiddenCompanies,
    /// A digest of everything that decides what may be shown.
    identity: [u8; 32],
}

impl Rules {
    /// Rules that hide these companies and every personal address.
    pub fn new(hidden: HiddenCompanies) -> Self {
        let mut digest = Sha256::new_with_prefix(format!("{hidden:?}"));
        for source in SOURCES {
            digest.update(source);
        }
        Self {
            hidden,
            identity: digest.finalize().into(),
        }
    }

    /// The verdict on a fresh answer.
    pub fn judge(&self, answer: Answer) -> Verdict {
        filter(answer, &self.hidden)
    }

    /// The replacement for a verdict that was filtered by other rules. `None` if the verdict may stay.
    ///
    /// The result never shows more than before: a hidden verdict holds no profile, so it stays hidden.
    pub fn recheck(&self, verdict: &Verdict) -> Option<Verdict> {
        let Verdict::Shown(profile) = verdict else {
            return None;
        };
        match self.check(profile) {
            Check::Unchanged => None,
            Check::Hide => Some(Verdict::Hidden),
            Check::Redact(profile) => Some(Verdict::Shown(profile)),
        }
    }

    /// What the rules demand for a record.
    pub fn check_record(&self, record: &Record) -> Check {
        self.check(&record.profile)
    }

    fn check(&self, profile: &Profile) -> Check {
        let answer = Answer {
            company: profile.company.as_deref().cloned(),
            contact: profile.contact.as_deref().cloned(),
        };
        let allowed = match self.judge(answer) {
            Verdict::Hidden => return Check::Hide,
            Verdict::Shown(allowed) => allowed,
            Verdict::Unknown => Profile::default(),
        };
        // Network and country do not come from the answer.
        let network = profile.network.clone();
        let allowed = Profile {
            network: network.filter(|network| !email::mentions_personal(network)),
            country: profile.country.clone(),
            ..allowed
        };
        if allowed == *profile {
            Check::Unchanged
        } else {
            Check::Redact(allowed)
        }
    }

    /// A fingerprint that is the same for enrichers with the same rules. It is a keyed hash, so that it does not reveal
    /// which companies are hidden.
    pub fn fingerprint(&self, hasher: &AddressHasher) -> String {
        let digest = hasher.digest(b"rules", &self.identity);
        digest[..8].iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::address_key::Secret;
    use protocol::time::unix_ms;
    use protocol::{Company, Contact, Guid};

    const LUMEN: &str = "0d6cf1b5-6e0f-4c1e-9b42-2b1f6e9e7a11";

    fn rules(hidden: &[&str]) -> Rules {
        Rules::new(HiddenCompanies::new(
            hidden.iter().map(|text| text.parse().unwrap()),
        ))
    }

    fn profile(emails: &[&str]) -> Profile {
        let company = Company {
            guid: LUMEN.into(),
            name: "Lumen".into(),
            domain: "lumen.example".into(),
        };
        let contact = Contact {
            guid: "P".into(),
            name: "Ada Quill".into(),
            title: None,
            email_addresses: emails.iter().map(ToString::to_string).collect(),
            phone_numbers: Vec::new(),
        };
        Profile {
            company: Some(Arc::new(company)),
            contact: Some(Arc::new(contact)),
            network: Some("Example Cable (AS64500)".into()),
            country: Some("DE".into()),
        }
    }

    #[test]
    fn network_and_country_stay_unless_they_contain_a_personal_address() {
        let of = |network: &str| Profile {
            network: Some(network.into()),
            country: Some("DE".into()),
            ..Profile::default()
        };
        let rules = rules(&[]);
        assert_eq!(rules.check(&of("Example Cable (AS64500)")), Check::Unchanged);
        let Check::Redact(allowed) = rules.check(&of("ada@gmail.com")) else {
            panic!("a personal address stands");
        };
        assert_eq!((allowed.network, allowed.country.as_deref()), (None, Some("DE")));
        assert_eq!(rules.check(&Profile::default()), Check::Unchanged);
    }

    fn record(profile: Profile) -> Record {
        Record {
            guid: Guid::new("a").unwrap(),
            ip: "::1".into(),
            opened_at: None,
            first_seen_at: unix_ms(1),
            last_activity_at: unix_ms(1),
            received_at: unix_ms(1),
            profile,
            unidentified: false,
            page: None,
            referrer: None,
            identified_at: None,
        }
    }

    #[test]
    fn company_hidden_later_is_hidden_in_verdicts_and_records() {
        let shown = Verdict::Shown(profile(&["ada@lumen.example"]));
        assert_eq!(rules(&[]).recheck(&shown), None);
        assert_eq!(rules(&[LUMEN]).recheck(&shown), Some(Verdict::Hidden));
        let record = record(profile(&[]));
        assert_eq!(rules(&[]).check_record(&record), Check::Unchanged);
        assert_eq!(rules(&[LUMEN]).check_record(&record), Check::Hide);
    }

    #[test]
    fn newly_personal_address_is_removed() {
        let before = profile(&["ada@lumen.example", "ada@gmail.com"]);
        let after = profile(&["ada@lumen.example"]);
        assert_eq!(
            rules(&[]).recheck(&Verdict::Shown(before.clone())),
            Some(Verdict::Shown(after.clone()))
        );
        assert_eq!(rules(&[]).check_record(&record(before)), Check::Redact(after));
    }

    #[test]
    fn nothing_becomes_visible_again() {
        for verdict in [
            Verdict::Hidden,
            Verdict::Unknown,
            Verdict::Shown(Profile::default()),
        ] {
            assert_eq!(rules(&[]).recheck(&verdict), None, "{verdict:?}");
        }
        assert_eq!(
            rules(&[]).check_record(&record(Profile::default())),
            Check::Unchanged
        );
    }

    #[test]
    fn fingerprint_depends_on_the_hidden_companies() {
        let hasher = AddressHasher::new(Secret::new([1; 32], unix_ms(1)));
        let same = rules(&[LUMEN]).fingerprint(&hasher);
        assert_eq!(same, rules(&[LUMEN]).fingerprint(&hasher));
        assert_ne!(same, rules(&[]).fingerprint(&hasher));
        let other = AddressHasher::new(Secret::new([2; 32], unix_ms(1)));
        assert_ne!(same, rules(&[LUMEN]).fingerprint(&other), "it is a keyed hash");
    }
}
