//! Secrets are in no help text and no error.

use std::process::Command;

use anyhow::{Result, ensure};
use e2e::processes::workspace_binary;

const SECRET: &str = "s3cret";

/// What a process prints with these arguments and variables.
fn printed(process: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
    let mut command = Command::new(workspace_binary(process)?);
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied());
    let output = command.output()?;
    Ok(String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?)
}

#[test]
fn help_shows_no_value_of_the_environment_that_may_be_secret() -> Result<()> {
    let variables = [
        ("EMITTER_URL", "ws://user:s3cret@emitter.example/?token=s3cret"),
        ("NATS_URL", "nats://user:s3cret@nats.example"),
        ("NATS_PASSWORD", SECRET),
        ("DEANONYMIZER_URL", "https://deanonymizer.example/?key=s3cret"),
        ("OTLP_ENDPOINT", "https://user:s3cret@collector.example"),
        ("ACCESS_TOKEN", SECRET),
    ];
    for process in ["ingestor", "enricher", "gateway"] {
        let help = printed(process, &["--help"], &variables)?;
        ensure!(help.contains("--nats-url") && !help.contains(SECRET), "{help}");
    }
    Ok(())
}

#[test]
fn rejected_values_are_not_repeated_if_they_may_be_secret() -> Result<()> {
    for (process, flag, value) in [
        (
            "ingestor",
            "--emitter-url",
            "http://user:s3cret@emitter.example/?token=s3cret",
        ),
        ("ingestor", "--emitter-url", "ws:// s3cret"),
        ("ingestor", "--nats-url", "nats://user:s3cret@;"),
        (
            "enricher",
            "--deanonymizer-url",
            "ftp://deanonymizer.example/?key=s3cret",
        ),
        (
            "enricher",
            "--otlp-endpoint",
            "ftp://user:s3cret@collector.example",
        ),
    ] {
        let error = printed(process, &[flag, value], &[])?;
        ensure!(error.contains(flag) && !error.contains(SECRET), "{error}");
    }
    let error = printed("ingestor", &["ws://user:s3cret@emitter.example"], &[])?;
    ensure!(!error.contains(SECRET), "{error}");
    Ok(())
}
