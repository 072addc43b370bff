//! How many sessions wait for a verdict, over all enrichers, each counted once. Pure.
//!
//! Several enrichers hold the same session: its events go to whoever takes them, and what is given back goes to another.
//! So sets are added up, not numbers ([`protocol::sample`]).

use std::collections::{BTreeMap, HashMap};

use protocol::sample::{self, Sample, Union};
use protocol::{Guid, Millis};

/// How long what an enricher has said is believed, in ms. If it was killed, its messages reach another after 6 s.
const BELIEVED_FOR: Millis = 8_000;

/// How long it is remembered that a session is settled, in ms: longer than an enricher that has given it back believes
/// that it still waits.
const SETTLED_FOR: Millis = 10_000;

/// The most settled sessions that are remembered. One more counts for some seconds too long.
const MAX_SETTLED: usize = 65_536;

/// The most enrichers whose sets are held.
const MAX_ENRICHERS: usize = 128;

/// The sessions that wait for a verdict.
#[derive(Debug, Default)]
pub struct Unidentified {
    by_enricher: BTreeMap<String, (Sample, Millis)>,
    /// Sessions whose record or tombstone has come, by their hashes, and when.
    settled: HashMap<u64, Millis>,
    union: Union,
}

impl Unidentified {
    /// An enricher said which sessions wait there.
    pub fn heard(&mut self, enricher: &str, sample: Sample, now: Millis) {
        let known = self.by_enricher.contains_key(enricher);
        if known || self.by_enricher.len() < MAX_ENRICHERS {
            self.by_enricher.insert(enricher.to_owned(), (sample, now));
            self.add_up();
        }
    }

    /// A session has a verdict, or has ended: it does not wait any longer, whatever enrichers say that have given it back.
    pub fn settled(&mut self, guid: &Guid, now: Millis) {
        let hash = sample::hash(guid);
        self.union.remove(hash);
        if self.settled.len() < MAX_SETTLED {
            self.settled.insert(hash, now);
        }
    }

    /// Forgets what was said too long ago.
    pub fn forget(&mut self, now: Millis) {
        self.settled.retain(|_, at| now - *at <= SETTLED_FOR);
        let before = self.by_enricher.len();
        self.by_enricher.retain(|_, (_, at)| now - *at <= BELIEVED_FOR);
        if self.by_enricher.len() < before {
            self.add_up();
        }
    }

    /// How many there are.
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
        let mut unidentified = Unidentified::default();
        unidentified.heard("one", sample(&["a", "b"]), 0);
        unidentified.heard("two", sample(&["b", "c"]), 0);
        unidentified.heard("three", sample(&["b"]), 0);
        assert_eq!(unidentified.count(), 3);
        unidentified.heard("two", sample(&[]), 1_000);
        assert_eq!(unidentified.count(), 2);
    }

    #[test]
    fn a_shown_or_closed_session_does_not_wait_whatever_an_enricher_believes() {
        let mut unidentified = Unidentified::default();
        unidentified.heard("one", sample(&["a", "b"]), 0);
        unidentified.settled(&guid("a"), 0);
        assert_eq!(unidentified.count(), 1);
        unidentified.heard("one", sample(&["a", "b"]), 1_000);
        assert_eq!(unidentified.count(), 1);
        unidentified.forget(SETTLED_FOR + 1);
        assert!(unidentified.settled.is_empty());
    }

    #[test]
    fn the_sessions_of_a_killed_enricher_count_until_another_has_them() {
        let mut unidentified = Unidentified::default();
        unidentified.heard("killed", sample(&["a"]), 0);
        unidentified.forget(6_500);
        assert_eq!(unidentified.count(), 1);
        unidentified.heard("other", sample(&["a"]), 7_000);
        assert_eq!(unidentified.count(), 1);
        unidentified.forget(9_000);
        assert_eq!(unidentified.count(), 1);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut unidentified = Unidentified::default();
        for enricher in 0..2 * MAX_ENRICHERS {
            unidentified.heard(&enricher.to_string(), Sample::default(), 0);
        }
        assert_eq!(unidentified.by_enricher.len(), MAX_ENRICHERS);
        for session in 0..=MAX_SETTLED {
            unidentified.settled(&guid(&session.to_string()), 0);
        }
        assert_eq!(unidentified.settled.len(), MAX_SETTLED);
    }
}
