//! `docs/following.md`: its commands write the sessions to a file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use e2e::processes::{Pipeline, nats_cli, repository};
use e2e::{Visitor, eventually};
use serde_json::Value;
use simulator::world::Kind;
use tokio::process::{Child, Command};

/// Where the commands of the page write to.
const OUTPUT: &str = "sessions.jsonl";

/// The command lines of the page, in their order: what happens from now on, and the same after the current state.
fn commands() -> Result<[String; 2]> {
    let page = fs::read_to_string(repository().join("docs/following.md"))?;
    let lines = page.lines().filter_map(|line| line.strip_prefix("    nats "));
    let commands: Vec<_> = lines.map(|rest| format!("nats {rest}")).collect();
    commands.try_into().ok().context("the page has two commands")
}

/// Starts a command in a folder of its own, as a person would, with the address of this pipeline.
fn start(site: &Pipeline, cli: &Path, folder: &Path, command: &str) -> Result<Child> {
    fs::create_dir_all(folder)?;
    symlink(cli, folder.join("nats"))?;
    let path = std::env::var("PATH")?;
    // Without `exec`, only the shell would be killed.
    Ok(Command::new("sh")
        .args(["-c", &format!("exec {command}")])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("NATS_URL", site.nats.url())
        .env("HOME", folder)
        .kill_on_drop(true)
        .spawn()?)
}

/// The guids in the file so far. Every whole line must be a JSON object that has one.
fn written(file: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(file)?;
    let Some((whole, _)) = text.rsplit_once('\n') else {
        return Ok(Vec::new());
    };
    whole
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
            let guid = record["guid"].as_str().with_context(|| line.to_owned())?;
            Ok(guid.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn nats_cli_writes_sessions_to_a_file() -> Result<()> {
    let [from_now_on, with_current_state] = commands()?;
    let Some(cli) = nats_cli() else {
        return Ok(());
    };
    let site = Pipeline::start().await?;
    let before = Visitor::from(&site.ip(Kind::Full, 1));
    site.send(&[before.opened(0)]);
    site.shows(&before).await?;
    for (name, command, has_current_state) in [
        ("from-now-on", from_now_on, false),
        ("with-current-state", with_current_state, true),
    ] {
        let folder: PathBuf = site.folder().join(name);
        let _running = start(&site, &cli, &folder, &command)?;
        let mut later = Vec::new();
        // Nobody says when the subscription begins, so visitors come until one is written.
        let guids = eventually(&format!("{command} writes a new visitor"), async || {
            let visitor = Visitor::from(&site.ip(Kind::CompanyOnly, 1));
            site.send(&[visitor.opened(0)]);
            later.push(visitor.guid);
            let guids = written(&folder.join(OUTPUT))?;
            ensure!(guids.iter().any(|guid| later.contains(guid)), "{guids:?}");
            Ok(guids)
        })
        .await?;
        ensure!(
            guids.contains(&before.guid) == has_current_state,
            "{command}: {guids:?}"
        );
    }
    Ok(())
}
