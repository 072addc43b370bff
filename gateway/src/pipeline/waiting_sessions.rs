//! Counts the sessions that wait for a verdict in any enricher, each once. Pure.
//!
//! Several enrichers may hold the same session, because its events go to any of them. So the union of sets is counted, not
//! the sum of numbers ([`protocol::sample`]).

use std::collections::{BTreeMap, HashMap};

use protocol::sample::{self, Sample, Union};
use protocol::{Guid, Millis};

/// How long the set of an enricher counts, in ms. After an enricher is killed, its messages reach another one within 6 s.
const BELIEVED_FOR: Millis = 8_000;

/// How long a settled session is remembered, in ms: longer than the set of an enricher that has returned it counts.
const SETTLED_FOR: Millis = 10_000;

/// Maximum number of settled sessions that are remembered. Others count for some seconds too long.
const MAX_SETTLED: usize = 65_536;

/// Maximum number of enrichers whose sets are held.
const MAX_ENRICHERS: usize = 128;

/// The sessions that wait for a verdict.
#[derive(Debug, Default)]
pub struct WaitingSessions {
    by_enricher: BTreeMap<String, (Sample, Millis)>,
    /// Sessions whose record or tombstone has arrived, by hash, and when.
    settled: HashMap<u64, Millis>,
    union: Union,
}

impl WaitingSessions {
    /// Applies the set of an enricher.
    pub fn received(&mut self, enricher: &str, sample: Sample, now: Millis) {
        let known = self.by_enricher.contains_key(enricher);
        if known || self.by_enricher.len() < MAX_ENRICHERS {
            self.by_enricher.insert(enricher.to_owned(), (sample, now));
            self.add_up();
        }
    }

    /// A session has a verdict or is closed: it no longer waits, even if an enricher still reports it.
    pub fn settled(&mut self, guid: &Guid, now: Millis) {
        let hash = sample::hash(guid);
        self.union.remove(hash);
        if self.settled.len() < MAX_SETTLED {
            self.settled.insert(hash, now);
        }
    }

    /// Forgets what is too old.
    pub fn forget(&mut self, now: Millis) {
        self.settled.retain(|_, at| now - *at <= SETTLED_FOR);
        let before = self.by_enricher.len();
        self.by_enricher.retain(|_, (_, at)| now - *at <= BELIEVED_FOR);
        if self.by_enricher.len() < before {
            self.add_up();
        }
    }

    /// The number of sessions.
    pub fn count(&self) -> u64 {
        self.union.count()
    }

    fn add_up(&mut self) {
        self.union = Union::of(self.by_enricher.values().map(|(sample, _)| sample));
        for hash in self.settled.keys() {
            self.union.remove(*hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guid(name: &str) -> Guid {
        Guid::new(name).unwrap()
    }

    fn sample(names: &[&str]) -> Sample {
        Sample::of(names.iter().map(|name| sample::hash(&guid(name))))
    }

    #[test]
    fn counts_a_session_once_however_many_enrichers_hold_it() {
        let mut waiting = WaitingSessions::default();
        waiting.received("one", sample(&["a", "b"]), 0);
        waiting.received("two", sample(&["b", "c"]), 0);
        waiting.received("three", sample(&["b"]), 0);
        assert_eq!(waiting.count(), 3);
        waiting.received("two", sample(&[]), 1_000);
        assert_eq!(waiting.count(), 2);
    }

    #[test]
    fn a_shown_or_closed_session_does_not_wait_whatever_an_enricher_believes() {
        let mut waiting = WaitingSessions::default();
        waiting.received("one", sample(&["a", "b"]), 0);
        waiting.settled(&guid("a"), 0);
        assert_eq!(waiting.count(), 1);
        waiting.received("one", sample(&["a", "b"]), 1_000);
        assert_eq!(waiting.count(), 1);
        waiting.forget(SETTLED_FOR + 1);
        assert!(waiting.settled.is_empty());
    }

    #[test]
    fn the_sessions_of_a_killed_enricher_count_until_another_has_them() {
        let mut waiting = WaitingSessions::default();
        waiting.received("killed", sample(&["a"]), 0);
        waiting.forget(6_500);
        assert_eq!(waiting.count(), 1);
        waiting.received("other", sample(&["a"]), 7_000);
        assert_eq!(waiting.count(), 1);
        waiting.forget(9_000);
        assert_eq!(waiting.count(), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut waiting = WaitingSessions::default();
        for enricher in 0..2 * MAX_ENRICHERS {
            waiting.received(&enricher.to_string(), Sample::default(), 0);
        }
        assert_eq!(waiting.by_enricher.len(), MAX_ENRICHERS);
        for session in 0..=MAX_SETTLED {
            waiting.settled(&guid(&session.to_string()), 0);
        }
        assert_eq!(waiting.settled.len(), MAX_SETTLED);
    }
}
