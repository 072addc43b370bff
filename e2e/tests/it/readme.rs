//! The flags, defaults, make targets and tests that the documents name exist.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{repository, workspace_binary};

const PROCESSES: [&str; 3] = ["ingestor", "enricher", "gateway"];

fn document(path: &str) -> Result<String> {
    Ok(fs::read_to_string(repository().join(path))?)
}

fn help(process: &str) -> Result<String> {
    let output = Command::new(workspace_binary(process)?)
        .arg("--help")
        .env_clear()
        .output()?;
    ensure!(output.status.success(), "{process} --help");
    Ok(String::from_utf8(output.stdout)?)
}

/// What is between back-ticks.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What the help says of a flag: its own lines, up to the next flag.
fn said_of<'a>(help: &'a str, flag: &str) -> Option<&'a str> {
    let start = help.find(&format!("{flag} <"))?;
    let rest = &help[start..];
    Some(rest.find("\n      --").map_or(rest, |end| &rest[..end]))
}

#[test]
fn settings_are_flags_with_the_documented_defaults() -> Result<()> {
    let settings = document("docs/settings.md")?;
    let rows: Vec<Vec<&str>> = settings
        .lines()
        .filter(|line| line.starts_with("| `--"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 10, "the table of settings is not found");
    for row in rows {
        let (flags, processes, defaults) = (code(row[1]), row[2], code(row[3]));
        for process in PROCESSES
            .iter()
            .filter(|process| processes.contains(**process) || processes == "all")
        {
            let help = help(process)?;
            for (index, flag) in flags.iter().enumerate() {
                let said = said_of(&help, flag).with_context(|| format!("{process} has no {flag}"))?;
                if let Some(default) = defaults.get(index) {
                    assert!(
                        said.contains(&format!("[default: {default}]")),
                        "{process} {flag}: {said}"
                    );
                }
                let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
                assert!(
                    said.contains(&format!("[env: {variable}")),
                    "{process} {flag}: {said}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn targets_exist() -> Result<()> {
    let makefile = document("Makefile")?;
    let documents = document("README.md")? + &document("docs/testing.md")?;
    let targets: Vec<_> = documents
        .lines()
        .filter_map(|line| line.trim().strip_prefix("make "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        targets.contains(&"up") && targets.contains(&"test"),
        "{targets:?}"
    );
    for target in targets {
        assert!(
            makefile.contains(&format!("\n{target}:")),
            "there is no target {target}"
        );
    }
    Ok(())
}

/// Every Rust source of the workspace, by the names that a module of it can have.
fn sources(folder: &Path, found: &mut Vec<(Vec<String>, String)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // The tests of `view` may be in `view/tests/mod.rs`.
            let names = path.ancestors().take(3);
            let names = names.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
            found.push((names.collect(), fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

#[test]
fn tests_that_prove_something_exist() -> Result<()> {
    let root = repository();
    let mut proofs = String::new();
    for (document, heading) in [
        ("docs/testing.md", "## Which test proves what"),
        ("SECURITY.md", "## Attacks and their tests"),
        ("docs/reliability.md", "## Faults and their effects"),
    ] {
        let text = fs::read_to_string(root.join(document))?;
        let (_, said) = text.split_once(heading).context("it does not say")?;
        proofs.push_str(said);
    }
    let mut found = Vec::new();
    for folder in [
        "protocol",
        "service/src",
        "ingestor/src",
        "enricher/src",
        "gateway/src",
        "notifier/src",
        "collector/src",
        "e2e/tests/it",
    ] {
        sources(&root.join(folder), &mut found)?;
    }
    let named: Vec<_> = code(&proofs)
        .into_iter()
        .filter_map(|name| name.split_once("::"))
        .collect();
    assert!(named.len() > 50, "{named:?}");
    for (module, test) in named.into_iter().filter(|(module, _)| *module != "module") {
        let exists = found.iter().any(|(names, source)| {
            names.iter().any(|name| name == module) && source.contains(&format!("fn {test}("))
        });
        assert!(exists, "there is no test {module}::{test}");
    }
    Ok(())
}
