//! Hostile input: a corpus for each entry point, and mutants of it.
//!
//! A corpus is a folder of `corpus/`, one input a file. An input that has caused a failure is added and stays. The tests of
//! each crate check every mutant; the end-to-end tests feed the corpora to the real processes.
//! Mutants come from a fixed seed, so that runs are reproducible; `PROPTEST_CASES` makes a run longer.

mod input;
mod mutation;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

pub use crate::input::Input;

/// An entry point for bytes from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The emitter's frames.
    Events,
    /// The bodies of the Deanonymizer's answers.
    Answers,
    /// Records and tombstones on `visitor.session.*`.
    Sessions,
    /// Last activities on `visitor.activity.*`.
    Activity,
    /// Statuses on `visitor.status.>`.
    Statuses,
    /// Messages of WebSocket clients to the gateway.
    Requests,
}

impl Door {
    /// Every entry point.
    pub const ALL: [Self; 6] = [
        Self::Events,
        Self::Answers,
        Self::Sessions,
        Self::Activity,
        Self::Statuses,
        Self::Requests,
    ];

    /// The folder of its corpus.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        let name = match self {
            Self::Events => "events",
            Self::Answers => "answers",
            Self::Sessions => "sessions",
            Self::Activity => "activity",
            Self::Statuses => "statuses",
            Self::Requests => "requests",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
    }

    /// Its corpus, sorted by the files' names.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn corpus(self) -> io::Result<Vec<Input>> {
        let entries = fs::read_dir(self.folder())?.collect::<io::Result<Vec<_>>>()?;
        let mut files: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        files.sort();
        files.iter().map(|file| fs::read(file).map(Input)).collect()
    }

    /// Its corpus, and inputs that differ from it here and there.
    ///
    /// # Errors
    /// Fails if the corpus cannot be read.
    pub fn mutants(self) -> io::Result<impl Strategy<Value = Input>> {
        let corpus = self.corpus()?;
        let original = proptest::sample::select(corpus.clone());
        Ok(
            (original, mutation::some_of(corpus)).prop_map(|(input, mutations)| {
                mutations
                    .iter()
                    .fold(input, |input, mutation| Input(mutation.of(&input)))
            }),
        )
    }

    /// Checks a property for each input of the corpus and for many mutants.
    ///
    /// # Errors
    /// Fails if the corpus cannot be read, or the smallest input found that lacks the property.
    pub fn check(self, property: impl Fn(&[u8]) -> Result<(), TestCaseError>) -> Checked {
        for input in self.corpus()? {
            property(&input).map_err(|error| format!("{input:?}: {error}"))?;
        }
        TestRunner::new(config()).run(&self.mutants()?, |mutant| property(&mutant))?;
        Ok(())
    }
}

/// A property that is checked for each input of a corpus and for many mutants.
pub type Checked = Result<(), Box<dyn Error>>;

/// Many cases, and tomorrow the same as today.
#[must_use]
pub fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(4_096),
        rng_seed: RngSeed::Fixed(5),
        failure_persistence: None,
        ..default
    }
}

#[cfg(test)]
mod tests {
    use proptest::strategy::ValueTree as _;

    use super::*;

    #[test]
    fn every_door_has_a_corpus() {
        for door in Door::ALL {
            assert!(door.corpus().unwrap().len() >= 8, "{door:?}");
        }
    }

    #[test]
    fn most_mutants_of_json_are_json_and_new() {
        let corpus = Door::Sessions.corpus().unwrap();
        let mut runner = TestRunner::new(config());
        let mutants = Door::Sessions.mutants().unwrap();
        let (mut json, mut new) = (0, 0);
        for _ in 0..1_000 {
            let mutant = mutants.new_tree(&mut runner).unwrap().current();
            json += usize::from(serde_json::from_slice::<serde_json::Value>(&mutant).is_ok());
            new += usize::from(!corpus.contains(&mutant));
        }
        assert!(json > 300 && new > 500, "{json} are JSON, {new} are new");
    }
}
