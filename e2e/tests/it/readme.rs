//! What the README says of flags and targets is true.

use std::fs;
use std::process::Command;

use e2e::{of_workspace, repository};

const PROCESSES: [&str; 3] = ["ingestor", "enricher", "gateway"];

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

fn help(process: &str) -> String {
    let output = Command::new(of_workspace(process).unwrap())
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{process} --help");
    String::from_utf8(output.stdout).unwrap()
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
fn settings_are_flags_with_the_defaults_that_it_names() {
    let readme = readme();
    let rows: Vec<Vec<&str>> = readme
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
            let help = help(process);
            for (index, flag) in flags.iter().enumerate() {
                let said = said_of(&help, flag).unwrap_or_else(|| panic!("{process} has no {flag}"));
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
}

#[test]
fn targets_exist() {
    let makefile = fs::read_to_string(repository().join("Makefile")).unwrap();
    let readme = readme();
    let targets: Vec<_> = readme
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
}
