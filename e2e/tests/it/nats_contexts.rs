//! The files of `docs/nats-contexts`: the nats CLI loads each, and its user may do what it is for.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use e2e::processes::{Pipeline, nats_cli, repository};
use serde_json::Value;
use tokio::process::Command;

/// Commands that the user of each context may run, and commands that it may not.
const COMMANDS: &[(&str, &[&str], &[&str])] = &[
    (
        "visitor-admin",
        &["server report jetstream", "server report accounts", "server list"],
        // The system account of a NATS server cannot have JetStream.
        &["stream info VISITOR_RAW", "kv ls"],
    ),
    (
        "visitor-maintainer",
        &[
            "stream edit VISITOR_REJECTED --description mended --force",
            "kv ls",
        ],
        &["server report jetstream"],
    ),
    (
        "visitor-operator",
        &["stream info VISITOR_RAW", "stream ls", "kv ls"],
        &["stream rm VISITOR_RAW --force", "server report jetstream"],
    ),
    (
        "visitor-reader",
        &["stream info VISITOR_SESSIONS"],
        &["stream info VISITOR_RAW"],
    ),
];

fn folder() -> PathBuf {
    repository().join("docs/nats-contexts")
}

#[test]
fn every_context_is_tried() -> Result<()> {
    let files = fs::read_dir(folder())?.collect::<Result<Vec<_>, _>>()?;
    let names = files.iter().map(fs::DirEntry::file_name);
    let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    let tried: Vec<_> = COMMANDS
        .iter()
        .map(|(context, _, _)| format!("{context}.json"))
        .collect();
    assert_eq!(names, tried);
    Ok(())
}

#[tokio::test]
async fn each_context_lets_its_user_do_what_it_is_for_and_no_more() -> Result<()> {
    let Some(cli) = nats_cli() else {
        return Ok(());
    };
    let site = Pipeline::start().await?;
    let contexts = site.folder().join("nats/context");
    fs::create_dir_all(&contexts)?;
    for (context, permitted, denied) in COMMANDS {
        let file = format!("{context}.json");
        let mut content: Value = serde_json::from_slice(&fs::read(folder().join(&file))?)?;
        assert_eq!(content["url"], "nats://127.0.0.1:4222");
        content["url"] = site.nats.url().into();
        fs::write(contexts.join(&file), content.to_string())?;
        let commands = permitted.iter().map(|command| (command, true));
        for (command, may) in commands.chain(denied.iter().map(|command| (command, false))) {
            let output = Command::new(&cli)
                .args(["--context", context, "--timeout", "2s"])
                .args(command.split(' '))
                .env("XDG_CONFIG_HOME", site.folder())
                .kill_on_drop(true)
                .output()
                .await?;
            let said = [output.stdout, output.stderr].concat();
            ensure!(
                output.status.success() == may,
                "{context}: {command}: {}",
                String::from_utf8_lossy(&said)
            );
        }
    }
    Ok(())
}
