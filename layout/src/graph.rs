//! The imports between files, and the circles in them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Which file imports which.
#[derive(Debug, Default)]
pub struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    /// Adds that `from` imports something of `to`.
    pub fn add(&mut self, from: String, to: String) {
        if from != to {
            self.0.entry(from).or_default().insert(to);
        }
    }

    /// The graph without these imports.
    pub fn without(&self, imports: &BTreeSet<(String, String)>) -> Self {
        let mut graph = Self::default();
        for (from, targets) in &self.0 {
            for to in targets {
                if !imports.contains(&(from.clone(), to.clone())) {
                    graph.add(from.clone(), to.clone());
                }
            }
        }
        graph
    }

    /// Whether the import is there and part of a circle.
    pub fn is_in_circle(&self, from: &str, to: &str) -> bool {
        self.0.get(from).is_some_and(|targets| targets.contains(to)) && self.path(to, from).is_some()
    }

    /// A circle, as the files in the order of their imports, for each group of files that import each other.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for (from, targets) in &self.0 {
            let shortest = targets
                .iter()
                .filter_map(|to| self.path(to, from))
                .min_by_key(Vec::len);
            if let Some(mut circle) = shortest
                && !circle.iter().any(|file| seen.contains(file))
            {
                // It begins with the first file by name.
                circle.rotate_right(1);
                seen.extend(circle.iter().cloned());
                circles.push(circle);
            }
        }
        circles
    }

    /// The shortest way from one file to another along imports, both included.
    fn path(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut previous: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(file) = queue.pop_front() {
            if file == to {
                let mut path = vec![file.to_owned()];
                let mut file = file;
                while let Some(before) = previous.get(file).filter(|_| file != from) {
                    file = before;
                    path.push(file.to_owned());
                }
                path.reverse();
                return Some(path);
            }
            for next in self.0.get(file).into_iter().flatten() {
                if next != from && !previous.contains_key(next.as_str()) {
                    previous.insert(next, file);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}
