//! Fails when files of a Rust crate import each other in a circle, or when a source file is too long.
//!
//! `make lint` runs it in the root of the workspace. `layout/exceptions.txt` lists known problems; an entry that
//! is no longer needed is an error as well, so that the list only shrinks.

mod exceptions;
mod graph;
mod imports;
mod modules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::Context as _;

use crate::exceptions::Exceptions;
use crate::graph::Graph;
use crate::modules::Crate;

/// The longest that a source file may be, in lines.
const MAX_LINES: usize = 400;

fn main() -> anyhow::Result<ExitCode> {
    let root = env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let exceptions = fs::read_to_string(root.join("layout/exceptions.txt"))?;
    let problems = check(&root, &Exceptions::parse(&exceptions)?)?;
    for problem in &problems {
        eprintln!("{problem}");
    }
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

/// The problems of the crates under `root`, one line each.
fn check(root: &Path, exceptions: &Exceptions) -> anyhow::Result<Vec<String>> {
    let mut long = BTreeSet::new();
    let mut graph = Graph::default();
    for folder in sorted_entries(root)? {
        if !folder.join("Cargo.toml").is_file() {
            continue;
        }
        let mut files = Vec::new();
        rust_files(&folder, &mut files)?;
        for file in files {
            if fs::read_to_string(&file)?.lines().count() > MAX_LINES {
                long.insert(relative(&file, root));
            }
            if is_crate_root(&relative(&file, &folder)) {
                for (from, to) in imports::between_files(&Crate::read(&file)?) {
                    graph.add(relative(&from, root), relative(&to, root));
                }
            }
        }
    }
    Ok(exceptions.judge(&long, &graph, MAX_LINES))
}

/// Whether Cargo compiles a library, binary, test or bench from this file of a package.
fn is_crate_root(file: &str) -> bool {
    let names: Vec<_> = file.split('/').collect();
    matches!(
        names[..],
        ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"]
            | ["tests" | "benches", _]
            | ["tests" | "benches", _, "main.rs"]
    )
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for path in sorted_entries(folder)? {
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The files and folders in `folder` by name, without hidden ones and what tools have put there.
fn sorted_entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != "target" && name != "node_modules" {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn relative(file: &Path, root: &Path) -> String {
    let path = file.strip_prefix(root).unwrap_or(file);
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
