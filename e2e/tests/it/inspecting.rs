//! `docs/inspecting.md`: every command in it works as `operator`, and says what is written there.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, nats_cli, repository};
use e2e::{Visitor, eventually};
use simulator::world::Kind;
use tokio::process::Command;
use tokio::time::timeout;

/// How long one command may take, so that a command that never ends is detected.
const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

/// The session that the page looks at.
const GUID: &str = "5f0c1f0e-9d5b-4c7e-8a3d-2b6e4f1a7c90";

/// What an operator might try to write with the CLI.
const WRITES: &[&str] = &[
    "nats pub visitor.raw.keep-alive '{}' --jetstream",
    "nats pub visitor.session.a '{}' --jetstream",
    "nats stream add OTHER --subjects other --defaults",
    "nats stream edit VISITOR_SESSIONS --description mine --force",
    "nats stream purge VISITOR_RAW --force",
    "nats stream rmm VISITOR_SESSIONS 1 --force",
    "nats stream rm VISITOR_ACTIVITY --force",
    "nats consumer add VISITOR_SESSIONS mine --pull --defaults",
    "nats consumer rm VISITOR_RAW enricher --force",
    "nats consumer next VISITOR_RAW enricher --count 1",
    "nats kv put visitor_profiles a b",
    "nats kv del visitor_profiles a --force",
    "nats kv add other",
];

/// A command of the page, and the output that is written there.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    command: String,
    output: String,
}

fn page() -> Result<String> {
    Ok(fs::read_to_string(repository().join("docs/inspecting.md"))?)
}

fn examples(page: &str) -> Vec<Example> {
    let blocks = page
        .split("```console\n")
        .skip(1)
        .filter_map(|block| block.split("```").next());
    blocks
        .filter_map(|block| {
            let (command, output) = block.split_once('\n')?;
            Some(Example {
                command: command.strip_prefix("$ ")?.to_owned(),
                output: output.to_owned(),
            })
        })
        .collect()
}

/// The words of an output that do not change from run to run: of letters alone, and not too short.
fn words(output: &str) -> BTreeSet<&str> {
    output
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() > 3 && word.chars().all(|c| c.is_ascii_alphabetic()))
        .collect()
}

/// Runs a command line as the page says, with the CLI under the name `nats`.
async fn run(site: &Pipeline, cli: &Path, command: &str) -> Result<Output> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("nats() {{ \"$NATS_CLI\" \"$@\"; }}; {command}")])
        .env("NATS_CLI", cli)
        .env("NATS_URL", site.nats.url())
        .env("NATS_USER", "operator")
        .env("NATS_PASSWORD", "operator")
        // Where it would keep contexts and history.
        .env("HOME", site.folder())
        .kill_on_drop(true);
    let output = timeout(WAIT_TIMEOUT, shell.output());
    Ok(output
        .await
        .with_context(|| format!("{command} does not end"))??)
}

/// Runs a command that must succeed, and gives what it says.
async fn say(site: &Pipeline, cli: &Path, command: &str) -> Result<String> {
    let output = run(site, cli, command).await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command}: {errors}");
    let text = String::from_utf8(output.stdout)?;
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    Ok(lines.join("\n").trim_matches('\n').to_owned() + "\n")
}

/// A pipeline with the visitor that the page looks at, and a message that cannot be used.
async fn site() -> Result<(Pipeline, Visitor)> {
    let site = Pipeline::start().await?;
    let ip = site.ip(Kind::Full, 1);
    let guid = GUID.to_owned();
    let visitor = Visitor { guid, ip };
    site.send(&[visitor.opened(0)]);
    site.shows(&visitor).await?;
    site.emitter.send_text("{\"eventType\":\"keep-alive\",");
    eventually("the message is rejected", async || {
        let jetstream = site.operator().await?;
        let rejected = jetstream.get_stream("VISITOR_REJECTED").await?;
        ensure!(rejected.cached_info().state.messages == 1);
        Ok(())
    })
    .await?;
    Ok((site, visitor))
}

/// The visitor stays.
async fn stay(site: &Pipeline, visitor: &Visitor) -> Infallible {
    loop {
        site.send(&[visitor.keep_alive(0)]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn try_all(site: &Pipeline, cli: PathBuf, page: &str) -> Result<()> {
    let mut fresh = page.to_owned();
    let mut wrong = String::new();
    for Example { command, output } in examples(page) {
        let said = say(site, &cli, &command).await?;
        fresh = fresh.replace(&format!("$ {command}\n{output}"), &format!("$ {command}\n{said}"));
        if command.starts_with("nats sub") {
            // The observed messages differ each time.
            ensure!(
                said.contains("visitor.") || said.contains("\":"),
                "{command}: {said}"
            );
            continue;
        }
        let (written, found) = (words(&output), words(&said));
        let missing: Vec<_> = written.difference(&found).collect();
        if written.is_empty() || !missing.is_empty() {
            writeln!(wrong, "{command} says nothing of {missing:?}, but:\n{said}")?;
        }
    }
    let file = site.folder().join("inspecting.md");
    fs::write(&file, fresh)?;
    ensure!(
        wrong.is_empty(),
        "{wrong}\nthe page with what they say now: {}",
        file.display()
    );
    Ok(())
}

#[tokio::test]
async fn every_command_prints_the_documented_output() -> Result<()> {
    let page = page()?;
    assert_eq!(examples(&page).len(), 20);
    let Some(cli) = nats_cli() else {
        return Ok(());
    };
    let (site, visitor) = site().await?;
    assert!(page.contains(&visitor.ip), "the page must look at {}", visitor.ip);
    tokio::select! {
        tried = try_all(&site, cli, &page) => tried,
        never = stay(&site, &visitor) => match never {},
    }
}

#[tokio::test]
async fn operator_can_write_nothing() -> Result<()> {
    let Some(cli) = nats_cli() else {
        return Ok(());
    };
    let (site, visitor) = site().await?;
    for command in WRITES {
        let output = run(&site, &cli, &format!("{command} --timeout 1s")).await?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).to_lowercase();
        ensure!(!output.status.success(), "{command}: {said}");
        // To an operator, it looks as if nobody answered such requests.
        ensure!(said.contains("no respon"), "{command}: {said}");
    }
    site.send(&[visitor.keep_alive(0)]);
    site.view_is_right().await
}

#[test]
fn a_page_is_read_as_a_person_reads_it() {
    let page = "a\n\n```console\n$ nats stream ls\nName 12ms\n```\nb\n";
    let example = Example {
        command: "nats stream ls".to_owned(),
        output: "Name 12ms\n".to_owned(),
    };
    assert_eq!(examples(page), [example]);
    assert_eq!(
        words("Name 12ms │ Last-Ack: a7adx"),
        BTreeSet::from(["Name", "Last"])
    );
}
