//! What is kept of one session while it waits for a verdict or for room in the stream. Pure.
//!
//! However often the session is sighted, its record needs only two sightings: the one with the opening time, and the
//! latest. The messages of the others can be acknowledged at once; their pages and referrers are merged into those two.

use protocol::{SeenPage, SeenReferrer, Timestamp};

use crate::sighting::Sighting;

/// A session that waits. `T` is the caller's ticket for each sighting.
#[derive(Debug)]
pub struct WaitingSession<T> {
    /// The sighting with the opening time: the earliest opened event or, while there is none, the earliest sighting.
    first: (Sighting, T),
    /// The latest sighting by time of receipt, if that is a different one.
    latest: Option<(Sighting, T)>,
}

impl<T> WaitingSession<T> {
    /// A session that has been sighted once.
    pub fn new(sighting: Sighting, ticket: T) -> Self {
        Self {
            first: (sighting, ticket),
            latest: None,
        }
    }

    /// Merges a further sighting. Returns the ticket of one that is no longer needed, if there is one.
    pub fn fold(&mut self, sighting: Sighting, ticket: T) -> Option<T> {
        let mut other = (sighting, ticket);
        if has_better_opening(&other.0, &self.first.0) {
            std::mem::swap(&mut self.first, &mut other);
        }
        match &mut self.latest {
            Some(latest) if is_later(&other.0, &latest.0) => {
                absorb(&mut other.0, &latest.0);
                Some(std::mem::replace(latest, other).1)
            }
            Some(latest) => {
                absorb(&mut latest.0, &other.0);
                Some(other.1)
            }
            None if is_later(&other.0, &self.first.0) => {
                self.latest = Some(other);
                None
            }
            None => {
                merge_page_and_referrer(&mut self.first.0, &other.0);
                Some(other.1)
            }
        }
    }

    /// The sighting with the opening time.
    pub fn first(&self) -> (&Sighting, &T) {
        (&self.first.0, &self.first.1)
    }

    /// When the ingestor received its latest sighting.
    pub fn received_at(&self) -> Timestamp {
        let latest = self
            .latest
            .as_ref()
            .map_or(Timestamp::MIN, |(latest, _)| latest.received_at);
        latest.max(self.first.0.received_at)
    }

    /// The remaining sightings, the one with the opening time first.
    pub fn into_sightings(self) -> impl Iterator<Item = (Sighting, T)> {
        std::iter::once(self.first).chain(self.latest)
    }
}

fn has_better_opening(one: &Sighting, other: &Sighting) -> bool {
    (!one.opening, one.at) < (!other.opening, other.at)
}

/// Adopts what a dropped sighting says about the latest activity.
fn absorb(kept: &mut Sighting, dropped: &Sighting) {
    kept.at = kept.at.max(dropped.at);
    merge_page_and_referrer(kept, dropped);
}

/// Adopts page and referrer of a dropped sighting.
fn merge_page_and_referrer(kept: &mut Sighting, dropped: &Sighting) {
    SeenPage::merge(&mut kept.page, dropped.page.as_ref());
    SeenReferrer::merge(&mut kept.referrer, dropped.referrer.as_ref());
}

fn is_later(one: &Sighting, other: &Sighting) -> bool {
    (one.received_at, one.at) > (other.received_at, other.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::time::unix_ms;
    use protocol::{Guid, Page, Profile, Record};
    use std::sync::Arc;

    fn sighting(opening: bool, at: Timestamp, received_at: Timestamp) -> Sighting {
        Sighting {
            guid: Guid::new("a").unwrap(),
            ip: "::1".into(),
            opening,
            at,
            received_at,
            page: None,
            referrer: None,
        }
    }

    /// A sighting with this page and referrer, if any.
    fn with_page_and_referrer(sighting: Sighting, page: Option<&str>, referrer: Option<&str>) -> Sighting {
        let at = sighting.at;
        let page = page.map(|url| SeenPage {
            at,
            page: Arc::new(Page {
                url: url.into(),
                title: "".into(),
            }),
        });
        let referrer = referrer.map(|url| SeenReferrer { at, url: url.into() });
        Sighting {
            page,
            referrer,
            ..sighting
        }
    }

    fn record(sightings: impl IntoIterator<Item = Sighting>) -> Record {
        sightings
            .into_iter()
            .map(|sighting| sighting.record(Profile::default()))
            .reduce(|mut merged, record| {
                merged.merge(&record);
                merged
            })
            .unwrap()
    }

    #[test]
    fn the_opening_is_kept_when_it_comes_late() {
        let mut session = WaitingSession::new(sighting(false, unix_ms(10), unix_ms(10)), 1);
        assert_eq!(session.fold(sighting(false, unix_ms(20), unix_ms(20)), 2), None);
        assert_eq!(session.fold(sighting(true, unix_ms(5), unix_ms(30)), 3), Some(1));
        assert_eq!(session.received_at(), unix_ms(30));
        assert_eq!(session.first(), (&sighting(true, unix_ms(5), unix_ms(30)), &3));
    }

    fn url() -> impl Strategy<Value = Option<&'static str>> {
        proptest::option::of(proptest::sample::select(vec!["/a", "/b"]))
    }

    proptest! {
        #[test]
        fn says_what_all_its_sightings_would_say(
            sightings in proptest::collection::vec(((any::<bool>(), 0..50_i64, 0..50_i64), url(), url()), 1..8),
        ) {
            let sightings: Vec<_> = sightings
                .into_iter()
                .map(|((opening, at, received_at), page, referrer)| {
                    with_page_and_referrer(sighting(opening, unix_ms(at), unix_ms(received_at)), page, referrer)
                })
                .collect();
            let mut all = sightings.iter().cloned().zip(0..);
            let (first, ticket) = all.next().unwrap();
            let mut session = WaitingSession::new(first, ticket);
            let mut superseded: Vec<_> = all
                .filter_map(|(sighting, ticket)| session.fold(sighting, ticket))
                .collect();
            prop_assert_eq!(session.received_at(), sightings.iter().map(|one| one.received_at).max().unwrap());

            let (kept, tickets): (Vec<_>, Vec<_>) = session.into_sightings().unzip();
            prop_assert!(kept.len() <= 2);
            superseded.extend(tickets);
            superseded.sort_unstable();
            prop_assert_eq!(superseded, (0..sightings.len()).collect::<Vec<_>>(), "each ticket once");

            let (kept, all) = (record(kept), record(sightings));
            prop_assert_eq!(kept.shown_opened_at(), all.shown_opened_at());
            prop_assert_eq!(kept.opened_at, all.opened_at);
            prop_assert_eq!(kept.received_at, all.received_at);
            prop_assert_eq!(kept.page, all.page);
            prop_assert_eq!(kept.referrer, all.referrer);
        }
    }
}
