//! A sample of a set of sessions, small enough for a status. The union of several sets can be counted from samples.
//!
//! Up to [`Sample::MAX_LEN`] sessions it holds all of them, and the count is exact. Of a larger set it holds the sessions with
//! the lowest hashes, and how much of the hashes' range they cover (a bottom-k sample).

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::guid::Guid;

/// Hashes are below this. It is a number that every reader of JSON can hold (RFC 8259, section 6).
const RANGE: u64 = 1 << 52;

/// The sessions of a set whose hash is below a bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    below: u64,
    hashes: Vec<u64>,
}

impl Default for Sample {
    /// The sample of an empty set.
    fn default() -> Self {
        Self {
            below: RANGE,
            hashes: Vec::new(),
        }
    }
}

impl Sample {
    /// Maximum number of sessions in a sample. The count of a larger set is off by 3 % (the standard error, 1/√n).
    pub const MAX_LEN: usize = 1_024;

    /// The sample of a set of sessions, each given once by its hash.
    #[must_use]
    pub fn of(hashes: impl Iterator<Item = u64>) -> Self {
        let mut hashes: Vec<_> = hashes.collect();
        let mut below = RANGE;
        if hashes.len() > Self::MAX_LEN {
            below = *hashes.select_nth_unstable(Self::MAX_LEN).1;
            hashes.truncate(Self::MAX_LEN);
        }
        hashes.sort_unstable();
        Self { below, hashes }
    }
}

/// The union of several sets, estimated from their samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Union {
    below: u64,
    hashes: HashSet<u64>,
}

impl Default for Union {
    /// The union of no sets.
    fn default() -> Self {
        Self {
            below: RANGE,
            hashes: HashSet::new(),
        }
    }
}

impl Union {
    /// The union of the sets with these samples.
    pub fn of<'a>(samples: impl Iterator<Item = &'a Sample> + Clone) -> Self {
        // Below the least of the bounds, each sample holds all of its set.
        let below = samples
            .clone()
            .fold(RANGE, |below, sample| below.min(sample.below));
        let hashes = samples
            .flat_map(|sample| sample.hashes.iter().take(Sample::MAX_LEN))
            .copied()
            .filter(|hash| *hash < below)
            .collect();
        Self { below, hashes }
    }

    /// Removes a session, given by its hash.
    pub fn remove(&mut self, hash: u64) {
        self.hashes.remove(&hash);
    }

    /// The number of sessions.
    #[must_use]
    pub fn count(&self) -> u64 {
        let found = self.hashes.len() as u64;
        if self.below >= RANGE {
            return found;
        }
        let estimated = u128::from(found) * u128::from(RANGE) / u128::from(self.below.max(1));
        u64::try_from(estimated).unwrap_or(u64::MAX)
    }
}

/// A session's hash: the same in every process and release. FNV-1a, and the last steps of `SplitMix64`, which spread
/// identifiers that look alike.
#[must_use]
pub fn hash(guid: &Guid) -> u64 {
    let fnv = guid
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % RANGE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(sessions: impl Iterator<Item = u32>) -> Sample {
        Sample::of(sessions.map(|session| hash(&Guid::new(&format!("session-{session}")).unwrap())))
    }

    #[test]
    fn the_hash_of_a_session_never_changes() {
        let guid = Guid::new("B8E8879E-3382-4908-8F1E-7638473D0913").unwrap();
        assert_eq!(hash(&guid), 4_323_503_575_464_228);
    }

    #[test]
    fn large_sets_are_estimated() {
        for (sets, overlap) in [(1, 0), (2, 10_000), (4, 20_000), (8, 0)] {
            let samples: Vec<_> = (0..sets)
                .map(|set| sample(set * (20_000 - overlap)..set * (20_000 - overlap) + 20_000))
                .collect();
            assert!(
                samples
                    .iter()
                    .all(|sample| sample.hashes.len() == Sample::MAX_LEN)
            );
            let expected = f64::from((sets - 1) * (20_000 - overlap) + 20_000);
            let counted = Union::of(samples.iter()).count() as f64;
            assert!((counted / expected - 1.0).abs() < 0.15, "{counted} of {expected}");
        }
    }

    #[test]
    fn nonsense_is_bounded() {
        for below in [0, 1, u64::MAX] {
            let sample = Sample {
                below,
                hashes: vec![0, u64::MAX, 7],
            };
            let union = Union::of([&sample, &Sample::default()].into_iter());
            assert!(union.hashes.len() <= 2, "{below}");
            assert!(union.count() <= 2 * RANGE, "{below}");
        }
    }

    proptest! {
        #[test]
        fn small_sets_are_counted_exactly(
            sets in proptest::collection::vec(proptest::collection::hash_set(0..200_u32, 0..100), 0..5),
            left in proptest::collection::hash_set(0..200_u32, 0..20),
        ) {
            let samples: Vec<_> = sets.iter().map(|set| sample(set.iter().copied())).collect();
            let mut union = Union::of(samples.iter());
            let all: HashSet<_> = sets.into_iter().flatten().collect();
            prop_assert_eq!(union.count(), all.len() as u64);
            for session in &left {
                union.remove(hash(&Guid::new(&format!("session-{session}")).unwrap()));
            }
            prop_assert_eq!(union.count(), all.difference(&left).count() as u64);
        }
    }
}
