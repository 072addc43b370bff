//! The entries of the bucket `visitor_profiles`: a verdict on an address, or the lease of the enricher that looks it up.
//! Pure.

use std::time::Duration;

use protocol::record::{Company, Contact};
use protocol::{Profile, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::lookup::cache::deferral::Deferral;
use crate::verdict::Verdict;

/// A verdict, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// When the Deanonymizer answered.
    pub looked_up_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// How many calls it took.
    pub attempts: u32,
    /// The enricher that made them.
    pub by: Arc<str>,
}

impl CachedVerdict {
    /// Whether it replaces a verdict on the same address: the later answer wins.
    pub fn replaces(&self, stored: &Self) -> bool {
        self.looked_up_at > stored.looked_up_at
    }

    /// How much longer it is valid; `None` if it has expired.
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        u64::try_from(self.expires_at - now)
            .ok()
            .filter(|millis| *millis > 0)
            .map(Duration::from_millis)
    }
}

/// The value of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum Entry {
    /// An enricher is looking the address up.
    Lease {
        /// The enricher.
        by: Arc<str>,
        /// When the lease was last renewed.
        since: Timestamp,
        /// The NATS subject on which the enricher answers as long as it is connected; `None` if it runs a release without one.
        inbox: Option<Arc<str>>,
        /// The deferral that applies if the result of its call is never written; `None` for the first call.
        deferral: Option<Deferral>,
    },
    /// The answers so far were unusable.
    Deferred {
        /// The enricher that asked last.
        by: Arc<str>,
        /// When the last answer arrived.
        at: Timestamp,
        /// When the fleet asks again.
        deferral: Deferral,
    },
    /// The verdict.
    Verdict(Arc<CachedVerdict>),
}

/// The Deanonymizer asked for a pause of all calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Until when.
    pub until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Leased,
    Deferred,
    Shown,
    Unknown,
    Hidden,
}

/// The JSON of an entry.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    state: State,
    by: Arc<str>,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inbox: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deferral: Option<Deferral>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    company: Option<Arc<Company>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact: Option<Arc<Contact>>,
}

/// An entry that lacks a field that its state requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a verdict without expiresAt or attempts, or deferred without deferral")]
pub struct InvalidEntry;

impl TryFrom<Wire> for Entry {
    type Error = InvalidEntry;

    fn try_from(wire: Wire) -> Result<Self, InvalidEntry> {
        let verdict = match wire.state {
            State::Leased => {
                return Ok(Self::Lease {
                    by: wire.by,
                    since: wire.at,
                    inbox: wire.inbox,
                    deferral: wire.deferral,
                });
            }
            State::Deferred => {
                return Ok(Self::Deferred {
                    by: wire.by,
                    at: wire.at,
                    deferral: wire.deferral.ok_or(InvalidEntry)?,
                });
            }
            State::Shown => Verdict::Shown(Profile {
                company: wire.company,
                contact: wire.contact,
                ..Profile::default()
            }),
            State::Unknown => Verdict::Unknown,
            State::Hidden => Verdict::Hidden,
        };
        Ok(Self::Verdict(Arc::new(CachedVerdict {
            verdict,
            looked_up_at: wire.at,
            expires_at: wire.expires_at.ok_or(InvalidEntry)?,
            attempts: wire.attempts.ok_or(InvalidEntry)?,
            by: wire.by,
        })))
    }
}

impl From<Entry> for Wire {
    fn from(entry: Entry) -> Self {
        let without_verdict = |state, by, at, deferral| Self {
            state,
            by,
            at,
            inbox: None,
            deferral,
            expires_at: None,
            attempts: None,
            company: None,
            contact: None,
        };
        let found = match entry {
            Entry::Lease {
                by,
                since,
                inbox,
                deferral,
            } => {
                return Self {
                    inbox,
                    ..without_verdict(State::Leased, by, since, deferral)
                };
            }
            Entry::Deferred { by, at, deferral } => {
                return without_verdict(State::Deferred, by, at, Some(deferral));
            }
            Entry::Verdict(found) => found,
        };
        let (state, profile) = match &found.verdict {
            Verdict::Shown(profile) => (State::Shown, profile.clone()),
            Verdict::Unknown => (State::Unknown, Profile::default()),
            Verdict::Hidden => (State::Hidden, Profile::default()),
        };
        Self {
            state,
            by: Arc::clone(&found.by),
            at: found.looked_up_at,
            inbox: None,
            deferral: None,
            expires_at: Some(found.expires_at),
            attempts: Some(found.attempts),
            company: profile.company,
            contact: profile.contact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;

    fn found(verdict: Verdict) -> Entry {
        Entry::Verdict(Arc::new(CachedVerdict {
            verdict,
            looked_up_at: unix_ms(10),
            expires_at: unix_ms(20),
            attempts: 2,
            by: "e1".into(),
        }))
    }

    #[test]
    fn wire_forms_are_frozen() {
        let company = Company {
            guid: "C".into(),
            name: "Lumen".into(),
            domain: "lumen.example".into(),
        };
        let profile = Profile {
            company: Some(Arc::new(company)),
            ..Profile::default()
        };
        let deferral = Deferral {
            failures: 2,
            retry_at: unix_ms(30),
            early_retry: true,
        };
        let cases = [
            (
                Entry::Lease {
                    by: "e1".into(),
                    since: unix_ms(10),
                    inbox: None,
                    deferral: None,
                },
                r#"{"state":"leased","by":"e1","at":10}"#,
            ),
            (
                Entry::Lease {
                    by: "e1".into(),
                    since: unix_ms(10),
                    inbox: Some("_INBOX_enricher.x".into()),
                    deferral: Some(deferral),
                },
                r#"{"state":"leased","by":"e1","at":10,"inbox":"_INBOX_enricher.x","deferral":{"failures":2,"retryAt":30,"earlyRetry":true}}"#,
            ),
            (
                Entry::Deferred {
                    by: "e1".into(),
                    at: unix_ms(10),
                    deferral,
                },
                r#"{"state":"deferred","by":"e1","at":10,"deferral":{"failures":2,"retryAt":30,"earlyRetry":true}}"#,
            ),
            (
                found(Verdict::Shown(profile)),
                r#"{"state":"shown","by":"e1","at":10,"expiresAt":20,"attempts":2,"company":{"guid":"C","name":"Lumen","domain":"lumen.example"}}"#,
            ),
            (
                found(Verdict::Unknown),
                r#"{"state":"unknown","by":"e1","at":10,"expiresAt":20,"attempts":2}"#,
            ),
            (
                found(Verdict::Hidden),
                r#"{"state":"hidden","by":"e1","at":10,"expiresAt":20,"attempts":2}"#,
            ),
        ];
        for (entry, json) in cases {
            assert_eq!(serde_json::to_string(&entry).unwrap(), json);
            assert_eq!(serde_json::from_str::<Entry>(json).unwrap(), entry);
        }
    }

    #[test]
    fn a_verdict_must_say_how_long_it_holds() {
        assert!(serde_json::from_str::<Entry>(r#"{"state":"deferred","by":"e1","at":10}"#).is_err());
        assert!(serde_json::from_str::<Entry>(r#"{"state":"hidden","by":"e1","at":10}"#).is_err());
    }

    #[test]
    fn a_later_answer_replaces_an_earlier_one_and_never_itself() {
        let at = |looked_up_at| CachedVerdict {
            verdict: Verdict::Unknown,
            looked_up_at,
            expires_at: unix_ms(20),
            attempts: 1,
            by: "e1".into(),
        };
        assert!(at(unix_ms(11)).replaces(&at(unix_ms(10))));
        assert!(
            !at(unix_ms(10)).replaces(&at(unix_ms(10))),
            "a repeated write stores nothing twice"
        );
        assert!(!at(unix_ms(9)).replaces(&at(unix_ms(10))));
    }

    #[test]
    fn holds_until_it_expires() {
        let Entry::Verdict(found) = found(Verdict::Unknown) else {
            unreachable!()
        };
        assert_eq!(found.remaining(unix_ms(15)), Some(Duration::from_millis(5)));
        assert_eq!(found.remaining(unix_ms(20)), None);
    }
}
