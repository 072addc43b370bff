//! Pages and referrers as they are kept, and how two of the same session are merged.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The longest URL that is kept, in characters.
pub const MAX_URL: usize = 2_000;

/// The longest title that is kept, in characters.
pub const MAX_TITLE: usize = 300;

/// A page of the website.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Page {
    /// Its address as the emitter spelled it. Nobody has checked that it is a URL.
    pub url: Box<str>,
    /// Its title; empty if the emitter sent none.
    pub title: Box<str>,
}

/// A page, and when it was seen. The later of two is greater; of two at the same time, all processes choose the
/// same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenPage {
    /// When the event that reported it happened, by the emitter's clock.
    pub at: Timestamp,
    /// The page. Shared: many visitors see the same one.
    pub page: Arc<Page>,
}

/// Where a visitor came from, and when that was reported. The earlier of two is less.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeenReferrer {
    /// When the event that reported it happened, by the emitter's clock.
    pub at: Timestamp,
    /// The address of the other website, as the emitter spelled it. Shared: many visitors come from one.
    pub url: Arc<str>,
}

impl SeenPage {
    /// Adopts the page that was seen later. Order, grouping and repetition make no difference.
    pub fn merge(known: &mut Option<Self>, other: Option<&Self>) {
        let Some(other) = other else { return };
        match known {
            // The existing copy is kept.
            Some(known) if known.page == other.page => known.at = known.at.max(other.at),
            Some(known) if *known >= *other => {}
            Some(_) | None => *known = Some(other.clone()),
        }
    }
}

impl SeenReferrer {
    /// Adopts the referrer that was reported earlier. Order, grouping and repetition make no difference.
    pub fn merge(known: &mut Option<Self>, other: Option<&Self>) {
        let Some(other) = other else { return };
        if known.as_ref().is_none_or(|known| other < known) {
            *known = Some(other.clone());
        }
    }
}

/// Whether a URL can be kept: it has a bounded length, and no characters that control a terminal.
pub(super) fn is_usable_url(url: &str) -> bool {
    !url.is_empty() && is_usable(url, MAX_URL)
}

/// Whether a text of at most this number of characters can be kept.
pub(super) fn is_usable(text: &str, longest: usize) -> bool {
    // A character has at most four bytes, so a huge text is refused without reading it.
    text.len() <= 4 * longest && text.chars().count() <= longest && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_page() -> impl Strategy<Value = Option<SeenPage>> {
        let page =
            (0..4_i64, proptest::sample::select(vec!["/a", "/b", "/c"])).prop_map(|(ms, url)| SeenPage {
                at: Timestamp::from_unix_ms(ms),
                page: Arc::new(Page {
                    url: url.into(),
                    title: "".into(),
                }),
            });
        proptest::option::of(page)
    }

    fn any_referrer() -> impl Strategy<Value = Option<SeenReferrer>> {
        let referrer =
            (0..4_i64, proptest::sample::select(vec!["a", "b"])).prop_map(|(ms, url)| SeenReferrer {
                at: Timestamp::from_unix_ms(ms),
                url: url.into(),
            });
        proptest::option::of(referrer)
    }

    fn merged<T: Clone>(merge: fn(&mut Option<T>, Option<&T>), a: Option<&T>, b: Option<&T>) -> Option<T> {
        let mut merged = a.cloned();
        merge(&mut merged, b);
        merged
    }

    proptest! {
        #[test]
        fn page_of_the_latest_event_wins_in_any_order(a in any_page(), b in any_page(), c in any_page()) {
            let merge = |a: &Option<_>, b: &Option<_>| merged(SeenPage::merge, a.as_ref(), b.as_ref());
            prop_assert_eq!(merge(&a, &b), merge(&b, &a));
            prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
            prop_assert_eq!(merge(&a, &a), a.clone());
            let latest = a.iter().chain(&b).map(|page| page.at).max();
            prop_assert_eq!(merge(&a, &b).map(|page| page.at), latest);
        }

        #[test]
        fn referrer_of_the_earliest_event_wins_in_any_order(a in any_referrer(), b in any_referrer(), c in any_referrer()) {
            let merge = |a: &Option<_>, b: &Option<_>| merged(SeenReferrer::merge, a.as_ref(), b.as_ref());
            prop_assert_eq!(merge(&a, &b), merge(&b, &a));
            prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
            prop_assert_eq!(merge(&a, &a), a.clone());
            let earliest = a.iter().chain(&b).map(|referrer| referrer.at).min();
            prop_assert_eq!(merge(&a, &b).map(|referrer| referrer.at), earliest);
        }
    }
}
