//! A session's record and tombstone, and how two of the same session are merged.

use std::time::Duration;

use crate::guid::Guid;
use crate::page::{SeenPage, SeenReferrer};
use crate::record::profile::Profile;
use crate::time::Timestamp;

/// An active session: who the visitor is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The session.
    pub guid: Guid,
    /// The visitor's address as the emitter spelled it.
    pub ip: Box<str>,
    /// When the session opened; `None` until the opened event is known.
    pub opened_at: Option<Timestamp>,
    /// The earliest event known.
    pub first_seen_at: Timestamp,
    /// The latest event known when this was written.
    pub last_activity_at: Timestamp,
    /// When the ingestor received the latest event known when this was written.
    pub received_at: Timestamp,
    /// Who is behind the address.
    pub profile: Profile,
    /// Whether the session is shown before it is identified (`--show-unidentified-after`).
    pub unidentified: bool,
    /// When `profile` was identified; `None` if it was not, or if an older release wrote the record.
    pub identified_at: Option<Timestamp>,
    /// The page of the latest known event that has one.
    pub page: Option<SeenPage>,
    /// The referrer of the earliest known event that has one.
    pub referrer: Option<SeenReferrer>,
}

/// Who the visitor is, according to a record. The greater of two identities wins: an identified one over an unidentified
/// one, then the later one. Two of the same time differ only if something is wrong; then one with a company wins over
/// one without, one with a contact likewise, and the remaining fields decide, so that all processes
/// agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity<'a> {
    is_identified: bool,
    identified_at: Option<Timestamp>,
    profile: &'a Profile,
    /// The address that the profile belongs to.
    ip: &'a str,
}

impl Record {
    /// The opening time to show: that of the opened event if known, otherwise that of the earliest event.
    #[must_use]
    pub fn shown_opened_at(&self) -> Timestamp {
        self.opened_at.unwrap_or(self.first_seen_at)
    }

    /// The identity in this record.
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            is_identified: !self.unidentified,
            identified_at: self.identified_at,
            profile: &self.profile,
            ip: &self.ip,
        }
    }

    /// Adopts the identity: the address and everything that was found out about it, which belong together.
    pub fn take_identity(&mut self, other: &Self) {
        self.ip.clone_from(&other.ip);
        self.profile.clone_from(&other.profile);
        self.unidentified = other.unidentified;
        self.identified_at = other.identified_at;
    }

    /// Merges another record of the same session. Order, grouping and repetition make no difference, in
    /// any field.
    ///
    /// Each time is the earliest or latest of the two, page and referrer likewise, and the [`Identity`] is the one that is
    /// believed more.
    pub fn merge(&mut self, other: &Self) {
        self.opened_at = earliest(self.opened_at, other.opened_at);
        self.first_seen_at = self.first_seen_at.min(other.first_seen_at);
        self.last_activity_at = self.last_activity_at.max(other.last_activity_at);
        self.received_at = self.received_at.max(other.received_at);
        SeenPage::merge(&mut self.page, other.page.as_ref());
        SeenReferrer::merge(&mut self.referrer, other.referrer.as_ref());
        if other.identity() > self.identity() {
            self.take_identity(other);
        }
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// The end of a session, which replaces its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The session.
    pub guid: Guid,
    /// When it closed, by the emitter's clock.
    pub closed_at: Timestamp,
    /// When the ingestor received the closing.
    pub received_at: Timestamp,
    /// The session was hidden, and may still be open.
    pub hidden: bool,
    /// How long the stream keeps it. This is not in the JSON, but in the TTL of the message.
    pub ttl: Duration,
}

impl Tombstone {
    /// Merges another tombstone of the same session; order and repetition make no difference.
    pub fn merge(&mut self, other: &Self) {
        (self.closed_at, self.received_at) =
            (self.closed_at, self.received_at).min((other.closed_at, other.received_at));
        self.hidden |= other.hidden;
        self.ttl = self.ttl.max(other.ttl);
    }
}

#[cfg(test)]
mod tests {
    use crate::time::unix_ms;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::page::Page;
    use crate::record::{Company, Contact};

    fn record(opened_at: Option<Timestamp>, first_seen_at: Timestamp) -> Record {
        Record {
            guid: Guid::new("a").unwrap(),
            ip: "203.0.113.7".into(),
            opened_at,
            first_seen_at,
            last_activity_at: first_seen_at,
            received_at: first_seen_at,
            profile: Profile::default(),
            unidentified: false,
            identified_at: None,
            page: None,
            referrer: None,
        }
    }

    #[test]
    fn an_opened_event_counts_more_than_an_earlier_keep_alive() {
        let mut merged = record(None, unix_ms(5));
        assert_eq!(merged.shown_opened_at(), unix_ms(5));
        merged.merge(&record(Some(unix_ms(10)), unix_ms(10)));
        assert_eq!(merged.shown_opened_at(), unix_ms(10));
        merged.merge(&record(Some(unix_ms(8)), unix_ms(8)));
        assert_eq!(merged.shown_opened_at(), unix_ms(8));
    }

    #[test]
    fn the_later_finding_is_believed_with_its_address() {
        let found = |at: Option<Timestamp>, name: &str, ip: &str| {
            let company = Company {
                guid: name.into(),
                name: name.into(),
                domain: "c.example".into(),
            };
            Record {
                ip: ip.into(),
                profile: Profile {
                    company: Some(Arc::new(company)),
                    ..Profile::default()
                },
                identified_at: at,
                ..record(None, unix_ms(5))
            }
        };
        let unidentified = Record {
            unidentified: true,
            received_at: unix_ms(100),
            ..record(None, unix_ms(100))
        };
        let unknown = Record {
            identified_at: Some(unix_ms(30)),
            ..record(None, unix_ms(5))
        };
        let [of_old_release, first, second] = [
            found(None, "z", "::1"),
            found(Some(unix_ms(10)), "b", "::2"),
            found(Some(unix_ms(20)), "a", "::3"),
        ];
        let from_least = [&unidentified, &of_old_release, &first, &second, &unknown];
        for (index, less) in from_least.iter().enumerate() {
            for more in &from_least[index..] {
                let mut merged = (*less).clone();
                merged.merge(more);
                assert_eq!(merged.identity(), more.identity());
            }
        }
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::sample::select(vec!["", "a", "b"]).prop_map(str::to_owned)
    }

    fn profile() -> impl Strategy<Value = Profile> {
        let texts = || proptest::collection::vec(text(), 0..2);
        let company =
            (text(), text(), text()).prop_map(|(guid, name, domain)| Company { guid, name, domain });
        let contact = (text(), text(), proptest::option::of(text()), texts(), texts()).prop_map(
            |(guid, name, title, email_addresses, phone_numbers)| Contact {
                guid,
                name,
                title,
                email_addresses,
                phone_numbers,
            },
        );
        let (company, contact) = (proptest::option::of(company), proptest::option::of(contact));
        let code = || proptest::option::of(text());
        (company, contact, code(), code()).prop_map(|(company, contact, network, country)| Profile {
            company: company.map(Arc::new),
            contact: contact.map(Arc::new),
            network: network.map(Arc::from),
            country: country.map(Arc::from),
        })
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let time = || (0..4_i64).prop_map(Timestamp::from_unix_ms);
        let times = (proptest::option::of(time()), time(), time(), time());
        let ip = proptest::sample::select(vec!["::1", "::2", "203.0.113.7"]);
        let url = || proptest::sample::select(vec!["/a", "/b"]);
        let visit = (
            proptest::option::of((time(), url())),
            proptest::option::of((time(), url())),
        );
        (
            times,
            ip,
            profile(),
            any::<bool>(),
            proptest::option::of(time()),
            visit,
        )
            .prop_map(
                |(
                    (opened_at, first_seen_at, last_activity_at, received_at),
                    ip,
                    profile,
                    unidentified,
                    identified_at,
                    (page, referrer),
                )| {
                    Record {
                        guid: Guid::new("a").unwrap(),
                        ip: ip.into(),
                        opened_at,
                        first_seen_at,
                        last_activity_at,
                        received_at,
                        profile,
                        unidentified,
                        identified_at,
                        page: page.map(|(at, url)| SeenPage {
                            at,
                            page: Arc::new(Page {
                                url: url.into(),
                                title: "".into(),
                            }),
                        }),
                        referrer: referrer.map(|(at, url)| SeenReferrer { at, url: url.into() }),
                    }
                },
            )
    }

    fn merged(a: &Record, b: &Record) -> Record {
        let mut merged = a.clone();
        merged.merge(b);
        merged
    }

    proptest! {
        #[test]
        fn merging_is_commutative_associative_and_idempotent(a in any_record(), b in any_record(), c in any_record()) {
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
            prop_assert_eq!(merged(&a, &a), a.clone());
            prop_assert_eq!(merged(&merged(&a, &b), &b), merged(&a, &b));
        }

        #[test]
        fn an_address_is_never_shown_with_the_profile_of_another(a in any_record(), b in any_record()) {
            let merged = merged(&a, &b);
            prop_assert!([a.identity(), b.identity()].contains(&merged.identity()));
        }
    }
}
