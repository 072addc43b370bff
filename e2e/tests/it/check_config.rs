//! `PROCESS check-config`, completions, manual pages and the version.

use std::fs;
use std::process::Output;

use anyhow::{Result, ensure};
use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use e2e::processes::{Pipeline, Role, workspace_binary};
use tokio::process::Command;

const PROCESSES: [&str; 4] = ["ingestor", "enricher", "gateway", "collector"];

async fn run(process: &str, flags: &[&str], environment: &[(&str, &str)]) -> Result<(Option<i32>, String)> {
    let mut command = Command::new(workspace_binary(process)?);
    command.args(flags).env_clear().envs(environment.iter().copied());
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().await?;
    Ok((
        status.code(),
        String::from_utf8(stdout)? + &String::from_utf8(stderr)?,
    ))
}

/// The third parties and a NATS server that is not started yet.
async fn without_processes() -> Result<Pipeline> {
    let builder = Role::ALL
        .into_iter()
        .fold(Pipeline::builder(), |builder, role| builder.with(role, 0));
    builder.launch().await
}

#[tokio::test]
async fn finds_everything_in_order_beside_a_running_pipeline_and_asks_nobody() -> Result<()> {
    let site = Pipeline::start().await?;
    let (calls, connections) = (site.deanonymizer.stats().calls, site.emitter.stats().connections);
    let page = site.folder().join("page");
    fs::create_dir_all(&page)?;
    fs::write(page.join("index.html"), "")?;
    let (nats, emitter, deanonymizer) = (site.nats.url(), site.emitter.url(), site.deanonymizer.url());
    let environment = [
        ("NATS_URL", nats.as_str()),
        ("EMITTER_URL", &emitter),
        ("DEANONYMIZER_URL", &deanonymizer),
        ("STALE_AFTER", "9m"),
        ("ASSETS", page.to_str().unwrap_or_default()),
    ];
    for (process, streams) in [
        ("ingestor", &["VISITOR_RAW", "VISITOR_REJECTED"][..]),
        (
            "enricher",
            &[
                "VISITOR_RAW",
                "VISITOR_SESSIONS",
                "VISITOR_ACTIVITY",
                "KV_visitor_profiles",
            ],
        ),
        ("gateway", &["VISITOR_SESSIONS", "VISITOR_ACTIVITY"]),
    ] {
        let (code, said) = run(process, &["check-config"], &environment).await?;
        ensure!(
            code == Some(0) && said.contains("Everything is in order"),
            "{said}"
        );
        for stream in streams {
            ensure!(said.contains(&format!("ok       {stream}: ")), "{said}");
        }
        ensure!(said.contains("(NATS_URL)"), "a setting is not shown: {said}");
    }
    assert_eq!(site.deanonymizer.stats().calls, calls);
    assert_eq!(site.emitter.stats().connections, connections);
    Ok(())
}

#[tokio::test]
async fn creates_no_stream_and_names_one_that_does_not_fit() -> Result<()> {
    let mut site = without_processes().await?;
    site.nats.process.start()?;
    site.nats.ready().await?;
    let streams = jetstream::new(site.nats.client("maintainer").await?);
    streams
        .create_stream(Config {
            name: "VISITOR_SESSIONS".to_owned(),
            subjects: vec!["visitor.session.*".to_owned()],
            ..Config::default()
        })
        .await?;
    let nats = site.nats.url();
    let (code, said) = run("gateway", &["--nats-url", &nats, "check-config"], &[]).await?;
    ensure!(code == Some(1), "{said}");
    ensure!(
        said.contains(
            "problem  VISITOR_SESSIONS does not have the setting that the process needs: storage is file and should be memory"
        ),
        "{said}"
    );
    ensure!(said.contains("VISITOR_ACTIVITY does not exist"), "{said}");
    ensure!(
        streams.get_stream("VISITOR_ACTIVITY").await.is_err(),
        "check-config created a stream"
    );
    Ok(())
}

#[tokio::test]
async fn names_what_cannot_be_reached_and_shows_no_secret() -> Result<()> {
    let mut site = without_processes().await?;
    site.nats.process.start()?;
    site.nats.ready().await?;
    let nats = site.nats.url();
    let secrets = [
        ("NATS_URL", nats.as_str()),
        ("NATS_PASSWORD", "wrong-secret"),
        ("EMITTER_URL", "ws://127.0.0.1:1/feed?key=secret"),
    ];
    let (code, said) = run("ingestor", &["check-config"], &secrets).await?;
    ensure!(code == Some(1), "{said}");
    for part in ["problem  NATS", "problem  the SessionsEmitter", "2 problems."] {
        ensure!(said.contains(part), "no {part:?} in {said}");
    }
    ensure!(
        !said.contains("wrong-secret") && !said.contains("key=secret"),
        "{said}"
    );
    for (process, flag) in [
        ("gateway", "--nats-password-file"),
        ("gateway", "--access-token-file"),
        ("enricher", "--deanonymizer-provider"),
        ("enricher", "--network-db"),
    ] {
        let (code, said) = run(process, &[flag, "/nowhere", "check-config"], &[]).await?;
        ensure!(
            code == Some(64) && said.contains(flag),
            "{process} {flag}: {said}"
        );
    }
    let (code, said) = run("collector", &["check-config"], &[]).await?;
    ensure!(code == Some(64) && said.contains("--sites"), "{said}");
    Ok(())
}

#[tokio::test]
async fn every_process_has_completions_a_manual_and_a_version() -> Result<()> {
    for process in PROCESSES {
        for shell in ["bash", "zsh", "fish"] {
            let (code, said) = run(process, &["completions", shell], &[]).await?;
            ensure!(
                code == Some(0) && said.contains("check-config"),
                "{process} {shell}: {said}"
            );
        }
        let (code, said) = run(process, &["man"], &[]).await?;
        ensure!(
            code == Some(0) && said.contains(".TH") && said.contains("EXIT STATUS"),
            "{process}: {said}"
        );
        let (code, said) = run(process, &["--version"], &[]).await?;
        let version = format!("{process} {}", env!("CARGO_PKG_VERSION"));
        ensure!(code == Some(0) && said.starts_with(&version), "{process}: {said}");
    }
    assert_eq!(PROCESSES.len(), Role::ALL.len() + 1, "a process is not checked");
    Ok(())
}
