//! Known problems. They are reported only after they are solved, so that the list shrinks.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::graph::Graph;

/// The problems that are listed.
#[derive(Debug, Default)]
pub struct Exceptions {
    long: BTreeSet<String>,
    imports: BTreeSet<(String, String)>,
}

impl Exceptions {
    /// Reads lines such as `long FILE` and `import FILE FILE`; `#` begins a comment.
    ///
    /// # Errors
    /// Fails with the first line that is neither.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut exceptions = Self::default();
        for line in text.lines() {
            let words: Vec<_> = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect();
            match words[..] {
                [] => {}
                ["long", file] => drop(exceptions.long.insert(file.to_owned())),
                ["import", from, to] => drop(exceptions.imports.insert((from.to_owned(), to.to_owned()))),
                _ => bail!("layout/exceptions.txt: cannot read {line:?}"),
            }
        }
        Ok(exceptions)
    }

    /// The problems that are not listed, and the listed ones that are gone.
    pub fn judge(&self, long: &BTreeSet<String>, graph: &Graph, max_lines: usize) -> Vec<String> {
        let mut problems = Vec::new();
        for file in long.difference(&self.long) {
            problems.push(format!("{file} has more than {max_lines} lines: split it"));
        }
        for file in self.long.difference(long) {
            problems.push(format!(
                "{file} is short enough: remove it from layout/exceptions.txt"
            ));
        }
        for circle in graph.without(&self.imports).circles() {
            let names = circle.join(" -> ");
            problems.push(format!("{names} -> {} import each other in a circle", circle[0]));
        }
        for (from, to) in &self.imports {
            if !graph.is_in_circle(from, to) {
                problems.push(format!(
                    "{from} -> {to} is in no circle: remove it from layout/exceptions.txt"
                ));
            }
        }
        problems
    }
}
