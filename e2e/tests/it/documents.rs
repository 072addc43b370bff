//! The links and commands in the documents: each link leads somewhere, and each command exists with its flags.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{repository, workspace_binary};

const PROCESSES: [&str; 5] = ["ingestor", "enricher", "gateway", "collector", "simulator"];

/// Every document of the repository. Those in folders of sources are parts of another one.
fn documents() -> Result<Vec<PathBuf>> {
    let root = repository();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let is_ours = !matches!(
                name.as_str(),
                "target" | "node_modules" | "dist" | ".venv" | ".git" | "src"
            );
            if path.is_dir() && is_ours {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    ensure!(found.len() > 20, "the documents are not found: {found:?}");
    Ok(found)
}

/// The text without code, in which nothing is a link.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        if fenced || is_fence || line.starts_with("    ") {
            continue;
        }
        // What is between back-ticks is code, unless it is the text of a link.
        prose.extend(line.split('`').step_by(2));
        prose.push('\n');
    }
    prose
}

#[test]
fn links_lead_somewhere() -> Result<()> {
    let mut links = 0;
    for document in documents()? {
        let text = fs::read_to_string(&document)?;
        let prose = prose(&text);
        let folder = document.parent().context("a file is in a folder")?;
        for target in prose.split("](").skip(1) {
            let target = target.split([')', ' ']).next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let exists = folder.join(path).exists();
            assert!(exists, "{}: {target} leads nowhere", document.display());
        }
    }
    ensure!(links > 50, "only {links} links are found");
    Ok(())
}

/// The commands of a document: the lines of its code blocks, and what is between back-ticks.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut unfinished = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            let line = line.trim().trim_start_matches("$ ");
            let line = line.split("  #").next().unwrap_or_default().trim_end();
            match line.strip_suffix('\\') {
                Some(start) => unfinished.push_str(start),
                None => found.push(std::mem::take(&mut unfinished) + line),
            }
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// The commands that the repository offers.
struct Offer {
    makefile: String,
    compose: String,
    npm: String,
    help: BTreeMap<String, String>,
}

impl Offer {
    fn read() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(repository().join(path));
        let mut help = BTreeMap::new();
        for process in PROCESSES {
            let own = help_of(process, &[])?;
            let subcommands: Vec<_> = subcommands(&own).map(str::to_owned).collect();
            help.insert(process.to_owned(), own);
            for subcommand in subcommands {
                help.insert(
                    format!("{process} {subcommand}"),
                    help_of(process, &[&subcommand])?,
                );
            }
        }
        Ok(Self {
            makefile: read("Makefile")?,
            compose: read("docker-compose.yml")?,
            npm: read("frontend/package.json")?,
            help,
        })
    }

    /// What is wrong with a command; `None` for one that is right or not ours.
    fn problem(&self, command: &str) -> Option<String> {
        let command = without_quotations(command);
        let mut words = command.split_whitespace().peekable();
        let mut variables = Vec::new();
        while let Some((name, _)) = words.peek().and_then(|word| word.split_once('=')) {
            if !is_variable(name) {
                break;
            }
            variables.push(name);
            words.next();
        }
        let program = words.next()?;
        let program = program
            .rsplit('/')
            .next()
            .filter(|_| program.starts_with("target/"))
            .unwrap_or(program);
        let arguments: Vec<_> = words
            .take_while(|word| !matches!(*word, "|" | "&&" | ">" | ";" | "&"))
            .collect();
        let by_program = match program {
            "make" => self.make(&arguments),
            "cargo" => cargo(&arguments),
            "npm" => self.npm(&arguments),
            "docker" if arguments.first() == Some(&"compose") => self.compose(&arguments),
            _ if program.starts_with("scripts/") => {
                (!repository().join(program).is_file()).then(|| format!("no {program}"))
            }
            _ if PROCESSES.contains(&program) => self.process(program, &arguments),
            // Its variables are not ours either.
            _ => return None,
        };
        by_program.or_else(|| {
            let unknown = variables.into_iter().find(|name| !self.knows_variable(name))?;
            Some(format!("nothing reads {unknown}"))
        })
    }

    fn make(&self, arguments: &[&str]) -> Option<String> {
        arguments
            .iter()
            .find_map(|argument| match argument.split_once('=') {
                Some((name, _)) => (!self.knows_variable(name)).then(|| format!("nothing reads {name}")),
                None if argument.starts_with('-') || !is_plain(argument) => None,
                None => (!self.makefile.contains(&format!("\n{argument}:")))
                    .then(|| format!("no target {argument}")),
            })
    }

    fn npm(&self, arguments: &[&str]) -> Option<String> {
        let script = arguments.iter().skip_while(|word| **word != "run").nth(1)?;
        (!self.npm.contains(&format!("\"{script}\":"))).then(|| format!("no npm script {script}"))
    }

    fn compose(&self, arguments: &[&str]) -> Option<String> {
        let lists = || {
            self.compose
                .split("profiles: [")
                .skip(1)
                .filter_map(|rest| rest.split(']').next())
        };
        let exists = |profile: &str| lists().any(|list| list.split(", ").any(|name| name == profile));
        after("--profile", arguments)
            .find(|profile| !exists(profile))
            .map(|profile| format!("no profile {profile}"))
    }

    fn process(&self, process: &str, arguments: &[&str]) -> Option<String> {
        let own = self.help.get(process)?;
        let subcommand = arguments
            .iter()
            .find(|word| subcommands(own).any(|name| name == **word));
        let more = subcommand.and_then(|name| self.help.get(&format!("{process} {name}")));
        arguments.iter().find_map(|argument| {
            let flag = argument
                .starts_with("--")
                .then(|| argument.split('=').next().unwrap_or(argument))?;
            let flag = flag.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let known = [Some(own), more]
                .into_iter()
                .flatten()
                .any(|help| has_flag(help, flag));
            (!known && flag.len() > 2).then(|| format!("{process} has no {flag}"))
        })
    }

    fn knows_variable(&self, name: &str) -> bool {
        let flag = format!("[env: {name}");
        self.makefile.contains(name)
            || self.compose.contains(&format!("{{{name}"))
            || self.compose.contains(&format!(" {name}:"))
            || self.help.values().any(|help| help.contains(&flag))
            || matches!(
                name,
                "PROPTEST_CASES" | "RUST_LOG" | "NATS_SERVER" | "REPOSITORY_URL"
            )
    }
}

fn help_of(process: &str, subcommand: &[&str]) -> Result<String> {
    let output = Command::new(workspace_binary(process)?)
        .args(subcommand)
        .arg("--help")
        .env_clear()
        .output()?;
    ensure!(output.status.success(), "{process} {subcommand:?} --help");
    Ok(String::from_utf8(output.stdout)?)
}

/// The names below "Commands:" in the help.
fn subcommands(help: &str) -> impl Iterator<Item = &str> {
    let (_, below) = help.split_once("Commands:\n").unwrap_or_default();
    below
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
}

fn has_flag(help: &str, flag: &str) -> bool {
    help.split_whitespace()
        .any(|word| word.trim_end_matches(',') == flag)
}

fn cargo(arguments: &[&str]) -> Option<String> {
    let exists = |path: String| repository().join(path).exists();
    let crates = after("-p", arguments)
        .chain(after("--package", arguments))
        .chain(after("--path", arguments));
    let no_crate = crates
        .filter(|name| is_plain(name))
        .find(|name| !exists(format!("{name}/Cargo.toml")))
        .map(|name| format!("no crate {name}"));
    let no_binary = || {
        after("--bin", arguments)
            .find(|name| {
                !exists(format!("e2e/src/bin/{name}.rs")) && !exists(format!("e2e/src/bin/{name}/main.rs"))
            })
            .map(|name| format!("no binary {name}"))
    };
    no_crate.or_else(no_binary)
}

/// A command with a stand-in for what is between quotation marks, which may hold blanks.
fn without_quotations(command: &str) -> String {
    command.split('"').step_by(2).collect::<Vec<_>>().join("QUOTED")
}

/// The words that follow a flag.
fn after<'a>(flag: &'a str, arguments: &'a [&'a str]) -> impl Iterator<Item = &'a &'a str> {
    arguments
        .windows(2)
        .filter(move |pair| pair.first() == Some(&flag))
        .filter_map(|pair| pair.get(1))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c == '_' || c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// Whether a word means itself: no placeholder, no quotation, no list.
fn is_plain(word: &str) -> bool {
    word.chars()
        .all(|c| c == '-' || c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
}

#[test]
fn commands_exist() -> Result<()> {
    let offer = Offer::read()?;
    let (mut checked, mut problems) = (0, BTreeSet::new());
    for document in documents()? {
        // Those of earlier versions may be gone.
        if document.ends_with(Path::new("CHANGELOG.md")) {
            continue;
        }
        for command in commands(&fs::read_to_string(&document)?) {
            checked += 1;
            if let Some(problem) = offer.problem(&command) {
                problems.insert(format!("{}: {problem}: {command}", document.display()));
            }
        }
    }
    ensure!(checked > 200, "only {checked} commands are found");
    ensure!(problems.is_empty(), "{problems:#?}");
    Ok(())
}

#[test]
fn commands_that_do_not_exist_are_found() -> Result<()> {
    let offer = Offer::read()?;
    for command in [
        "make everything",
        "make up EMITER_URL=ws://a",
        "cargo test -p frontdoor",
        "cargo run -p e2e --bin nothing",
        "npm --prefix frontend run nothing",
        "docker compose --profile nothing up",
        "scripts/nothing",
        "ENRICHER_COLOUR=blue enricher",
        "gateway --colour blue",
        "enricher --deanonymizer-url none check-provider --address 203.0.113.7",
    ] {
        ensure!(offer.problem(command).is_some(), "{command}");
    }
    for command in [
        "make up EMITTER_URL=ws://a ENRICHERS=4",
        "make soak SOAK_FLAGS=\"--rate 60000\"",
        "cargo test -p gateway averages",
        "simulator deanonymizer --as snitcher",
        "enricher --deanonymizer-url none check-provider --ip 203.0.113.7",
        "kubectl get pods",
    ] {
        ensure!(
            offer.problem(command).is_none(),
            "{command}: {:?}",
            offer.problem(command)
        );
    }
    Ok(())
}
